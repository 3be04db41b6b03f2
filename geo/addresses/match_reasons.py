"""Why an address matched as it did, in codes and in words that a grid worker understands."""

from __future__ import annotations

from dataclasses import dataclass

LEVEL_NAMES = {
    "province": ("省", "province"), "city": ("市", "city"), "county": ("区县", "county"),
    "township": ("街道乡镇", "township"), "development_zone": ("开发区", "development zone"),
    "community": ("社区村", "community"), "village_group": ("组", "village group"),
    "road": ("道路", "road"), "door": ("门牌号", "door number"), "estate": ("小区", "estate"),
    "building": ("楼号", "building"), "entrance": ("单元", "entrance"), "floor": ("楼层", "floor"),
    "room": ("室号", "room"), "point_of_interest": ("名称", "name"),
}  # fmt: skip

_WORDS = {
    "differs": (
        "{level}不同：所写 {said}，登记 {stored}", "{level} differs: {said} said, {stored} kept",
    ),
    "absent": ("登记中没有这个{level}：{said}", "no such {level} in the register: {said}"),
    "missing": ("缺{level}", "{level} not given"),
    "short": ("{level}用了简称：{said} 即 {stored}", "{level} shortened: {said} for {stored}"),
    "sound": ("{level}按同音理解：{said} 即 {stored}", "{level} by sound: {said} for {stored}"),
    "typo": ("{level}有一字之差：{said} 即 {stored}", "{level} one slip off: {said} for {stored}"),
    "part": ("{level}只对上一部分：{said} 即 {stored}", "{level} in part: {said} for {stored}"),
    "alike": ("名称相近：{stored}", "similar in its text: {stored}"),
    "begun": ("{level}尚未写完：{said} 即 {stored}", "{level} begun: {said} for {stored}"),
    "alias": ("按登记的别名：{said}", "by a registered alias: {said}"),
    "unexplained": ("与登记不符：{said}", "not at the registered address: {said}"),
    "division_differs": (
        "{level}不符：所写 {said}，登记 {stored}", "{level} differs: {said} said, {stored} kept",
    ),
    "ambiguous": ("有多个同样符合的地址", "several addresses fit equally well"),
    "near": ("只说在附近：{said}", "only near the place: {said}"),
    "leftover": ("有文字未能识别：{said}", "text not understood: {said}"),
    "assumed": ("数字的层级是推断的", "levels of the numbers were inferred"),
    "unread": ("有数字未能对应：{said}", "number without a level: {said}"),
    "interpolated": (
        "位置按相邻门牌{said}与{stored}推算",
        "position estimated between the neighbouring doors {said} and {stored}",
    ),
    "door_beyond": (
        "{said}在已知门牌之外，最末为{stored}",
        "{said} is beyond the known doors, the last is {stored}",
    ),
    "door_gap": (
        "相邻门牌{said}与{stored}相距太远，不推算位置",
        "neighbouring doors {said} and {stored} are too far apart to estimate a position",
    ),
    "door_scattered": (
        "门牌不依道路走向排列，不在{said}与{stored}之间推算",
        "numbers don't follow the road here: nothing is estimated between {said} and {stored}",
    ),
    "no_point": ("登记中没有坐标", "no coordinates in the register"),
    "nothing_found": ("登记中没有相符的地址", "nothing in the register fits"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class MatchReason:
    """One reason. `code` is stable; `said` is what the text has, `stored` what the register has."""

    code: str
    level: str | None = None
    said: str = ""
    stored: str = ""

    @property
    def zh(self) -> str:
        return self._words(0)

    @property
    def en(self) -> str:
        return self._words(1)

    def _words(self, language: int) -> str:
        level = LEVEL_NAMES[self.level][language] if self.level else ""
        return _WORDS[self.code][language].format(level=level, said=self.said, stored=self.stored)
