"""Golden bodies: what the apps send, byte for byte as their documentation shows it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from geo.positions.batch import read_batch
from geo.positions.csv_fixes import read_csv
from geo.positions.cursor_on_target import read_cursor_on_target
from geo.positions.fix import Drop, Fix, Reading, Source
from geo.positions.gpx import read_gpx
from geo.positions.osmand import read_osmand
from geo.positions.owntracks import read_owntracks
from geo.positions.traccar_client_form import read_traccar_client_form
from geo.positions.traccar_client_json import read_traccar_client_json
from geo.positions.traccar_forward import read_traccar_forward
from geo.values import LonLat

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
FIXED_AT = datetime(2026, 3, 4, 5, 6, 0, tzinfo=UTC)  # Unix time 1772600760
PLACE = LonLat(112.55, 37.87)


def only(reading: Reading) -> Fix:
    assert not reading.dropped
    (fix,) = reading.fixes
    return fix


def dropped(reading: Reading) -> dict[Drop, int]:
    assert not reading.fixes
    return dict(reading.dropped)


def test_traccar_client_10_sends_knots_and_per_cent() -> None:
    body = (
        b"id=318702&timestamp=1772600760&lat=37.87&lon=112.55&speed=10.0&bearing=271.5"
        b"&altitude=800.5&accuracy=12.0&batt=55.0&charge=true&alarm=sos"
    )
    fix = only(read_traccar_client_form(body))
    assert fix == Fix(
        device_id="318702", fixed_at=FIXED_AT, position=PLACE, source=Source.TRACCAR_CLIENT,
        accuracy_m=12.0, speed_mps=fix.speed_mps, course_deg=271.5, altitude_m=800.5,
        battery_share=fix.battery_share, alarm="sos",
    )  # fmt: skip
    assert fix.speed_mps == pytest.approx(5.14444, abs=1e-5)  # 10 knots of 1,852 m an hour
    assert fix.battery_share == pytest.approx(0.55)


def test_traccar_client_10_without_a_place_is_a_sign_of_life() -> None:
    reading = read_traccar_client_form(b"id=318702&timestamp=1772600760&batt=55.0&charge=false")
    assert dropped(reading) == {Drop.NO_POSITION: 1}


def test_traccar_client_9_sends_metres_a_second_and_minus_one_for_unknown() -> None:
    body = b"""{"location":{"event":"motionchange","is_moving":true,"uuid":"b7",
        "timestamp":"2026-03-04T05:06:00.000Z","odometer":120.5,"mock":false,
        "coords":{"latitude":37.87,"longitude":112.55,"accuracy":14.2,"speed":1.5,
        "speed_accuracy":-1,"heading":-1,"heading_accuracy":-1,"altitude":800.5},
        "activity":{"type":"walking","confidence":100},
        "battery":{"is_charging":false,"level":0.83},"alarm":"sos","extras":{}},
        "device_id":"318702"}"""
    assert only(read_traccar_client_json(body)) == Fix(
        device_id="318702", fixed_at=FIXED_AT, position=PLACE, source=Source.TRACCAR_CLIENT_JSON,
        accuracy_m=14.2, speed_mps=1.5, course_deg=None, altitude_m=800.5, battery_share=0.83,
        alarm="sos",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        (b'"coords":{"latitude":37.87,"longitude":112.55},"mock":true', Drop.MOCK),
        (b'"coords":{"latitude":0,"longitude":0.0}', Drop.ZERO),
        (b'"coords":{"latitude":112.55,"longitude":37.87}', Drop.BAD_POSITION),
        (b'"coords":{"latitude":NaN,"longitude":112.55}', Drop.BAD_POSITION),
        (b'"coords":{"latitude":[37],"longitude":112.55}', Drop.BAD_POSITION),
        (b'"coords":[]', Drop.UNREADABLE),
        (b'"event":"heartbeat"', Drop.NO_POSITION),
    ],
)
def test_traccar_client_9_drops_by_reason(where: bytes, reason: Drop) -> None:
    body = b'{"device_id":"1","location":{"timestamp":"2026-03-04T05:06:00Z",%b}}' % where
    assert dropped(read_traccar_client_json(body)) == {reason: 1}


@pytest.mark.parametrize("place", [b"lat=37.87&lon=112.55", b"location=37.87,112.55"])
@pytest.mark.parametrize("name", [b"id", b"deviceid"])
@pytest.mark.parametrize(
    "when",
    [
        b"1772600760",
        b"1772600760000",
        b"2026-03-04T05:06:00Z",
        b"2026-03-04T13:06:00+08:00",  # the plus sign arrives as a space
        b"2026-03-04T13%3A06%3A00%2B08%3A00",
        b"2026-03-04%2005:06:00",
        b"2026-03-04+05:06:00",
    ],
)
def test_osmand_takes_all_writings_of_place_name_and_time(
    place: bytes, name: bytes, when: bytes
) -> None:
    query = name + b"=123&" + place + b"&timestamp=" + when + b"&speed=2&heading=360&hdop=3&batt=9"
    fix = only(read_osmand(query, received_at=NOW))
    assert (fix.device_id, fix.position, fix.fixed_at) == ("123", PLACE, FIXED_AT)
    assert fix.speed_mps == pytest.approx(2 * 1852 / 3600)
    assert fix.course_deg == 0.0
    assert fix.accuracy_m is None


def test_osmand_without_a_time_is_now() -> None:
    assert only(read_osmand(b"id=1&lat=37.87&lon=112.55", received_at=NOW)).fixed_at == NOW


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (b"lat=37.87&lon=112.55", Drop.NO_DEVICE),
        (b"id=1&lat=37.87", Drop.BAD_POSITION),
        (b"id=1&location=37.87", Drop.BAD_POSITION),
        (b"id=1&lat=0&lon=0", Drop.ZERO),
        (b"id=1&lat=37.87&lon=112.55&timestamp=yesterday", Drop.BAD_TIME),
        (b"id=1&lat=37.87&lon=112.55&valid=false", Drop.INVALID),
        (b"id=1&lat=1e999&lon=112.55", Drop.BAD_POSITION),
        (b"id=%FF&lat=37.87&lon=112.55", Drop.UNREADABLE),
        (b"", Drop.UNREADABLE),
    ],
)
def test_osmand_drops_by_reason(query: bytes, reason: Drop) -> None:
    assert dropped(read_osmand(query, received_at=NOW)) == {reason: 1}


def test_zero_alone_is_a_coordinate() -> None:
    assert only(read_osmand(b"id=1&lat=0&lon=112.55", received_at=NOW)).position.latitude == 0
    assert only(read_osmand(b"id=1&lat=51.48&lon=0", received_at=NOW)).position.longitude == 0


def test_owntracks_sends_kilometres_an_hour() -> None:
    body = (
        b'{"_type":"location","acc":5,"alt":800,"batt":41,"bs":1,"cog":271,"conn":"w",'
        b'"created_at":1772600765,"lat":37.87,"lon":112.55,"t":"u","tid":"JJ",'
        b'"topic":"owntracks/jane/phone","tst":1772600760,"vac":2,"vel":36}'
    )
    fix = only(read_owntracks(body, user="jane", device="phone"))
    assert fix.speed_mps == pytest.approx(10.0)
    assert fix.sent_at is not None
    assert (fix.sent_at - fix.fixed_at).total_seconds() == 5
    assert (fix.device_id, fix.accuracy_m, fix.course_deg) == ("jane/phone", 5, 271)
    assert only(read_owntracks(body)) == fix  # the topic says the same as the headers


def test_owntracks_other_messages_are_counted() -> None:
    assert read_owntracks(b"") == Reading()
    for kind in (b"lwt", b"transition", b"waypoint", b"status", b"encrypted", b"cmd", b"steps"):
        assert dropped(read_owntracks(b'{"_type":"%b","tst":1}' % kind)) == {Drop.OTHER_MESSAGE: 1}


EVENT = (
    b'<event version="2.0" uid="ANDROID-1" type="a-f-G-U-C" how="m-g" '
    b'time="2026-03-04T05:06:02.000Z" start="2026-03-04T05:06:00Z" stale="2026-03-04T05:08:00Z">'
    b'<point lat="37.87" lon="112.55" hae="800.5" ce="8.0" le="9999999.0"/>'
    b'<detail><contact callsign="W1"/><track course="90.0" speed="1.25"/>'
    b'<status battery="77"/></detail></event>'
)
DECLARED = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


@pytest.mark.parametrize("body", [EVENT, DECLARED + EVENT])
def test_cursor_on_target(body: bytes) -> None:
    fix = only(read_cursor_on_target(body))
    assert fix == Fix(
        device_id="ANDROID-1", fixed_at=FIXED_AT, position=PLACE, source=Source.CURSOR_ON_TARGET,
        sent_at=FIXED_AT.replace(second=2), stale_at=FIXED_AT.replace(minute=8), accuracy_m=8.0,
        speed_mps=1.25, course_deg=90.0, altitude_m=800.5, battery_share=fix.battery_share,
    )  # fmt: skip
    assert fix.battery_share == pytest.approx(0.77)


def test_cursor_on_target_unknowns_streams_and_alarms() -> None:
    unknown = EVENT.replace(b'hae="800.5" ce="8.0"', b'hae="9999999.0" ce="9999999.0"')
    alarm = EVENT.replace(b"<status", b'<emergency type="911 Alert">W1</emergency><status').replace(
        b"a-f-G-U-C", b"b-a-o-tbl"
    )
    ping = b'<event version="2.0" uid="p" type="t-x-c-t"/>'
    reading = read_cursor_on_target(
        DECLARED + unknown + DECLARED + alarm + b"\n" + DECLARED + ping + b"\n"
    )
    first, second = reading.fixes
    assert (first.accuracy_m, first.altitude_m, first.alarm) == (None, None, None)
    assert second.alarm == "911 Alert"
    assert reading.dropped == {Drop.OTHER_MESSAGE: 1}
    assert reading.first_at == {Drop.OTHER_MESSAGE: 2}


@pytest.mark.parametrize(
    "head",
    [
        b'<!DOCTYPE event SYSTEM "http://127.0.0.1/x.dtd">',
        b'<!DOCTYPE event [<!ENTITY a "b">]>',
        b'<!DOCTYPE e [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;"><!ENTITY c "&b;&b;&b;">]>',
    ],
)
def test_document_types_and_entities_are_refused(head: bytes) -> None:
    assert dropped(read_cursor_on_target(head + EVENT)) == {Drop.FORBIDDEN_XML: 1}
    assert dropped(read_gpx(head + b"<gpx/>", device_id="1")) == {Drop.FORBIDDEN_XML: 1}


def test_traccar_forwards_knots() -> None:
    body = b"""{"position":{"id":7,"attributes":{"batteryLevel":50.0,"alarm":"sos","motion":true},
        "deviceId":3,"protocol":"gps103","serverTime":"2026-03-04T05:06:01.000+00:00",
        "deviceTime":"2026-03-04T05:06:00.000+00:00","fixTime":"2026-03-04T05:06:00.000+0000",
        "outdated":false,"valid":true,"latitude":37.87,"longitude":112.55,"altitude":800.5,
        "speed":10.0,"course":90.0,"address":null,"accuracy":0.0,"network":null},
        "device":{"id":3,"name":"Car 1","uniqueId":"123456789012345","status":"online"}}"""
    fix = only(read_traccar_forward(body))
    assert (fix.device_id, fix.fixed_at, fix.position) == ("123456789012345", FIXED_AT, PLACE)
    assert fix.speed_mps == pytest.approx(5.14444, abs=1e-5)
    assert (fix.accuracy_m, fix.battery_share, fix.alarm) == (None, 0.5, "sos")
    not_valid = body.replace(b'"valid":true', b'"valid":false')
    assert dropped(read_traccar_forward(not_valid)) == {Drop.INVALID: 1}


def test_gpx_reads_tracks_and_leaves_plans() -> None:
    body = b"""<?xml version="1.0"?><gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1"
        xmlns:e="http://www.garmin.com/xmlschemas/TrackPointExtension/v2">
        <wpt lat="1" lon="1"/><rte><rtept lat="2" lon="2"/></rte><trk><trkseg>
        <trkpt lat="37.87" lon="112.55"><ele>800.5</ele><time>2026-03-04T05:06:00Z</time>
        <extensions><e:TrackPointExtension><e:speed>1.5</e:speed><e:course>90</e:course>
        </e:TrackPointExtension></extensions></trkpt>
        <trkpt lat="37.88" lon="112.55"><ele>801</ele></trkpt></trkseg></trk></gpx>"""
    reading = read_gpx(body, device_id="walk")
    assert reading.fixes == [
        Fix(device_id="walk", fixed_at=FIXED_AT, position=PLACE, source=Source.GPX,
            speed_mps=1.5, course_deg=90.0, altitude_m=800.5)
    ]  # fmt: skip
    assert (reading.dropped, reading.first_at) == ({Drop.BAD_TIME: 1}, {Drop.BAD_TIME: 1})


def test_csv_and_batch_use_our_own_names() -> None:
    csv = (
        "\ufeffdevice_id,fixed_at,longitude,latitude,speed_mps,battery_share,remark\r\n"
        '318702,2026-03-04T13:06:00+08:00,112.55,37.87,1.5,0.5,"a, b"\r\n'
        "318702,1772600761,,37.87,,,\r\n"
    )
    batch = (
        b'{"fixes":[{"device_id":"318702","fixed_at":1772600760,"longitude":112.55,'
        b'"latitude":37.87,"speed_mps":1.5,"battery_share":0.5},'
        b'{"device_id":318702,"fixed_at":1772600761,"latitude":37.87}]}'
    )
    for reading in (read_csv(csv.encode()), read_batch(batch)):
        (fix,) = reading.fixes
        assert (fix.device_id, fix.fixed_at, fix.position) == ("318702", FIXED_AT, PLACE)
        assert (fix.speed_mps, fix.battery_share) == (1.5, 0.5)
        assert reading.dropped == {Drop.BAD_POSITION: 1}
        assert reading.first_at == {Drop.BAD_POSITION: 1}


def test_ten_thousand_fixes_in_one_body() -> None:
    one = b'{"device_id":"1","fixed_at":%d,"longitude":112.55,"latitude":37.87}'
    body = b'{"fixes":[' + b",".join(one % (1772600760 + n) for n in range(10_000)) + b"]}"
    assert len(read_batch(body).fixes) == 10_000
    assert dropped(read_batch(body[: len(body) // 2])) == {Drop.UNREADABLE: 1}
