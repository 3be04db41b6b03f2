"""Laws of the readers: what was written comes back, and nothing a device sends makes them raise."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.positions import wire
from geo.positions.batch import read_batch
from geo.positions.csv_fixes import read_csv
from geo.positions.cursor_on_target import read_cursor_on_target
from geo.positions.fix import Drop, Fix, Reading, Source
from geo.positions.gpx import read_gpx
from geo.positions.osmand import form_words, read_osmand
from geo.positions.owntracks import read_owntracks
from geo.positions.plain_fields import FIELDS
from geo.positions.traccar_client_form import read_traccar_client_form
from geo.positions.traccar_client_json import read_traccar_client_json
from geo.positions.traccar_forward import read_traccar_forward

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
READERS: dict[str, Callable[[bytes], Reading]] = {
    "osmand": lambda body: read_osmand(body, received_at=NOW),
    "traccar_client_form": read_traccar_client_form,
    "traccar_client_json": read_traccar_client_json,
    "owntracks": read_owntracks,
    "cursor_on_target": read_cursor_on_target,
    "traccar_forward": read_traccar_forward,
    "gpx": lambda body: read_gpx(body, device_id="1"),
    "csv": read_csv,
    "batch": read_batch,
}
SOUND = {
    "osmand": b"id=1&lat=37.87&lon=112.55&timestamp=1772600760&speed=2&bearing=3",
    "traccar_client_form": b"id=1&lat=37.87&lon=112.55&timestamp=1772600760&batt=50",
    "traccar_client_json": b'{"device_id":"1","location":{"timestamp":"2026-03-04T05:06:00Z",'
    b'"coords":{"latitude":37.87,"longitude":112.55},"battery":{"level":0.5}}}',
    "owntracks": b'{"_type":"location","tid":"JJ","lat":37.87,"lon":112.55,"tst":1772600760}',
    "cursor_on_target": b'<event uid="1" type="a-f-G" time="2026-03-04T05:06:00Z">'
    b'<point lat="37.87" lon="112.55" ce="5"/><detail><track speed="1"/></detail></event>',
    "traccar_forward": b'{"position":{"latitude":37.87,"longitude":112.55,'
    b'"fixTime":"2026-03-04T05:06:00Z","attributes":{}},"device":{"uniqueId":"1"}}',
    "gpx": b'<gpx><trk><trkseg><trkpt lat="37.87" lon="112.55"><time>2026-03-04T05:06:00Z</time>'
    b"</trkpt></trkseg></trk></gpx>",
    "csv": b"device_id,fixed_at,longitude,latitude\n1,1772600760,112.55,37.87\n",
    "batch": b'{"fixes":[{"device_id":"1","fixed_at":1,"longitude":112.55,"latitude":37.87}]}',
}
json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8)
    | st.just(float("nan")) | st.just(10**400) | st.just("1" * 5000) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)  # fmt: skip


@pytest.mark.parametrize("name", READERS)
def test_a_sound_body_is_read(name: str) -> None:
    reading = READERS[name](SOUND[name])
    assert len(reading.fixes) == 1
    assert not reading.dropped


@pytest.mark.parametrize("name", READERS)
@given(body=st.binary(max_size=200))
def test_any_bytes_are_read_or_counted(name: str, body: bytes) -> None:
    reading = READERS[name](body)
    is_list = name in ("batch", "owntracks")
    is_empty = not body.strip() or (is_list and wire.json_of(body) == [])
    assert reading.fixes or reading.dropped or name == "csv" or is_empty
    assert set(reading.first_at) == set(reading.dropped)


@pytest.mark.parametrize("name", READERS)
@given(cut=st.integers(0, 300), put=st.binary(max_size=3), also=st.integers(0, 300))
def test_a_damaged_body_is_read_or_counted(name: str, cut: int, put: bytes, also: int) -> None:
    sound = SOUND[name]
    READERS[name](sound[:cut] + put + sound[also:])


@pytest.mark.parametrize("name", ["traccar_client_json", "owntracks", "traccar_forward", "batch"])
@given(data=st.data())
def test_a_value_of_any_kind_anywhere_is_read_or_counted(name: str, data: st.DataObject) -> None:
    message = json.loads(SOUND[name])
    spots: list[tuple[object, object]] = []

    def walk(node: object) -> None:
        pairs = node.items() if isinstance(node, dict) else enumerate(node)  # type: ignore[arg-type]
        for key, value in pairs:
            spots.append((node, key))
            if isinstance(value, (dict, list)):
                walk(value)

    walk(message)
    node, key = data.draw(st.sampled_from(spots))
    node[key] = data.draw(json_values)  # type: ignore[index]
    reading = READERS[name](json.dumps(message).encode())
    for fix in reading.fixes:
        fix.device_id.encode()
        assert fix.speed_mps is None or 0 <= fix.speed_mps <= wire.SPEED_MAX_MPS
        assert fix.course_deg is None or 0 <= fix.course_deg < 360
        assert fix.battery_share is None or 0 <= fix.battery_share <= 1


@pytest.mark.parametrize("name", ["traccar_client_json", "owntracks", "batch"])
def test_brackets_without_end_are_counted(name: str) -> None:
    for body in (b"[" * 200_000, b'{"a":' * 200_000, b"[" * 50_000 + b"]" * 50_000):
        assert READERS[name](body).dropped[Drop.UNREADABLE] >= 1


@given(
    lon=st.floats(-180, 180), lat=st.floats(-90, 90), knots=st.floats(0, 300),
    seconds=st.integers(1, 2**31 - 2),
)  # fmt: skip
def test_what_a_form_says_comes_back(lon: float, lat: float, knots: float, seconds: int) -> None:
    body = urlencode(
        {"id": "ä 1&=", "lat": repr(lat), "lon": repr(lon), "timestamp": seconds, "speed": knots}
    ).encode()
    reading = read_traccar_client_form(body)
    if lon == 0 and lat == 0:
        assert reading.dropped == {Drop.ZERO: 1}
        return
    (fix,) = reading.fixes
    assert fix.device_id == "ä 1&="
    assert (fix.position.longitude, fix.position.latitude) == (lon, lat)
    assert fix.fixed_at == datetime.fromtimestamp(seconds, UTC)
    assert fix.speed_mps == pytest.approx(knots * 1852 / 3600)


@given(moment=st.datetimes(datetime(1971, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - the strategy adds the zone
def test_all_writings_of_a_time_mean_the_same(moment: datetime) -> None:
    whole = moment.replace(microsecond=0)
    seconds = int(whole.timestamp())
    for written in (seconds, str(seconds), whole.isoformat(), whole.isoformat(" ")[:19]):
        assert wire.any_time(written) == whole
    if seconds * 1000 > wire.SECONDS_BELOW:
        assert wire.any_time(seconds * 1000) == whole


def fix_by_fix(fields: object, device_id: str | None) -> Fix | Drop:
    """What the platform's own fields tell, read one by one."""
    if not isinstance(fields, dict):
        return Drop.UNREADABLE
    name = wire.name_of(fields.get("device_id")) or device_id
    if name is None:
        return Drop.NO_DEVICE
    position = wire.position_of(fields.get("longitude"), fields.get("latitude"))
    if isinstance(position, Drop):
        return position
    fixed_at = wire.any_time(fields.get("fixed_at"))
    if fixed_at is None:
        return Drop.BAD_TIME
    return Fix(
        name, fixed_at, position, Source.BATCH,
        sent_at=wire.any_time(fields.get("sent_at")),
        accuracy_m=wire.accuracy_m(fields.get("accuracy_m")),
        speed_mps=wire.speed_mps(fields.get("speed_mps")),
        course_deg=wire.course_deg(fields.get("course_deg")),
        altitude_m=wire.altitude_m(fields.get("altitude_m")),
        battery_share=wire.battery_share(fields.get("battery_share"), factor=1.0),
        alarm=wire.alarm_of(fields.get("alarm")),
    )  # fmt: skip


plain_values = (
    st.floats() | st.integers() | st.floats(-1, 400) | st.floats(1e9, 2e9) | st.just(0) | st.none()
    | st.just("") | st.just("1772600760.25") | st.just("2026-03-04T05:06:00+08:00")
    | st.just(10**400) | st.just("1_0") | st.just("nan") | st.booleans() | st.just([1])
)  # fmt: skip
plain_fixes = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(FIELDS, plain_values) | {"else": plain_values}
) | st.just(7)
sound_fixes = st.fixed_dictionaries(
    {"fixed_at": st.floats(0, 3e9) | st.integers(0, 10**13), "longitude": st.floats(-181, 181),
     "latitude": st.floats(-90, 90)},
    optional={"device_id": st.sampled_from(["a", "b", 7]), "speed_mps": st.floats(-1, 400),
              "sent_at": st.floats(0, 3e9)},
)  # fmt: skip


@given(
    fixes=st.lists(sound_fixes, max_size=6) | st.lists(plain_fixes | sound_fixes, max_size=6),
    device_id=st.none() | st.just("batch"),
)
def test_many_at_a_time_are_read_as_one_by_one(fixes: list[object], device_id: str | None) -> None:
    reading = read_batch(json.dumps(fixes).encode(), device_id=device_id)
    expected = Reading()
    for at, each in enumerate(json.loads(json.dumps(fixes))):
        expected.take(fix_by_fix(each, device_id), at)
    assert list(reading.fixes) == expected.fixes
    assert (reading.dropped, reading.first_at) == (expected.dropped, expected.first_at)
    assert reading.claimed == expected.claimed


def is_utf8(text: str) -> bool:
    return not any("\ud800" <= each <= "\udfff" for each in text)


@given(st.text("ab=&+%;._1 ", max_size=12) | st.text(max_size=6).filter(is_utf8))
def test_a_plain_form_is_read_as_any_other(form: str) -> None:
    try:
        pairs = parse_qsl(form, keep_blank_values=True, errors="strict")
    except ValueError:
        pairs = []
    assert form_words(form.encode()) == (dict(reversed(pairs)) if pairs else Drop.UNREADABLE)
