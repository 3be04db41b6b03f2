"""The words of Chinese addresses: what names end in, how numbers are counted, what relates places.

Grammar only, from GB/T 23705-2009, GA/T 2000.32-2014 and common knowledge; no list here was taken
from a data set.
"""

from __future__ import annotations

import re


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ROAD_ENDINGS = _words(
    """
    大道 大街 公路 国道 省道 县道 快速路 高速 环路 胡同 弄堂 街 路 巷 弄
    里弄 道 堤 线
    """
)
COMMUNITY_ENDINGS = _words(
    """
    社区居民委员会 行政村 村委 社区居委会 村民委员会 居民委员会 村委会 居委会
    社区 嘎查 村
    """
)
ZONE_ENDINGS = _words(
    """
    经济技术开发区 高新技术产业开发区 高新技术开发区 经济开发区 技术开发区 开发区
    高新区 经开区 保税区 保税港区 出口加工区 示范区 试验区 度假区 产业集聚区
    功能区 经济区 新区 工业新城
    """
)
TOWNSHIP_ENDINGS = _words("街道办事处 街道办 街道 地区办事处 民族乡 镇 乡 苏木")
ESTATE_ENDINGS = _words(
    """
    小区 花园 家园 公寓 公馆 花苑 佳苑 雅苑 嘉园 名苑 新苑 苑 新村 山庄
    别墅 新城 名城 华庭 名邸 豪庭 庭院 庭苑 府邸 府 城 住宅区 生活区
    住宅 宿舍 家属院
    大院 院 园 湾 郡 居 轩 阁 邸 坊 邨 人家 半岛 御景 国际 天下 水岸
    春天 印象 大厦 大楼 商厦 广场 中心 商务楼 商住楼 综合楼 写字楼 办公楼
    楼 商城 商场 市场 超市 购物中心 百货 酒店 饭店 宾馆 旅馆 旅社 酒楼
    酒家 餐厅 食堂 学校 大学 学院 中学 小学 幼儿园 医院 卫生院 诊所 药店
    银行 邮局 派出所 公安局 法院 政府 局 所 站 厂 公司 有限公司
    有限责任公司 分公司 集团 管委会 工业园区
    工业园 工业区 产业园 科技园 物流园 创业园 创意园 园区 科技园区
    产业园区 物流园区 创业园区 创意园区 商贸区 基地 仓库 公园
    SOHO LOFT MALL 体育馆 图书馆 博物馆 体育场 剧院 影院 加油站 车站 机场 码头 停车场
    收费站 店 馆 部 行 吧 桥 寺 庙 祠 会所
    """
)


def alternatives(words: tuple[str, ...]) -> str:
    """Return a regular expression that matches the longest of the words.

    Words that begin alike share their beginning, so that a place where none stands is left after
    one look at its first character.
    """
    grouped: dict[str, list[str]] = {}
    for word in words:
        grouped.setdefault(word[0], []).append(word[1:])
    single = "".join(re.escape(first) for first, rests in grouped.items() if rests == [""])
    branches = [f"[{single}]"] if single else []
    for first, rests in grouped.items():
        longer = tuple(rest for rest in rests if rest)
        if longer:
            optional = "?" if "" in rests else ""
            branches.append(f"{re.escape(first)}(?:{alternatives(longer)}){optional}")
    return "|".join(branches)


def first_characters(*groups: tuple[str, ...]) -> str:
    """Return a character class of what the words begin with."""
    return "[" + "".join(sorted({word[0] for words in groups for word in words})) + "]"


RELATION_WORDS = _words(
    """
    交叉路口 交叉口 交汇处 交汇口 交界处 交界 相交处 丁字路口 十字路口
    三岔路口 入口 出口 大门口 门口 院内 楼梯口 路边 右面 左面 左侧 右侧
    内侧 斜对面 正对面 对面 对过 旁边 隔壁 附近 周边 楼下 楼上 边上 后面
    前面 背后 背面 里面 转角 拐角 东侧 西侧 南侧 北侧 东面 西面 南面 北面
    东边 西边 南边 北边 东南角 东北角 西南角 西北角 以东 以西 以南 以北 旁 相交
    """
)

NOTE_WORDS = _words(
    """
    电联 电话联系 请电话联系 打电话 自提 自取 代收 放门口 放前台 送货上门
    工作日 周末 不要打电话 请勿 谢谢 收件人 收货人 备注 联系人
    """
)
"""Words to the bearer, not part of the address."""

MARKET_ENDINGS = _words(
    """
    大厦 市场 商城 广场 中心 大楼 酒店 商厦 城 宾馆 写字楼 国际
    """
)
"""Places divided into rooms or stalls: a long number after them counts rooms."""

DWELLING_ENDINGS = _words(
    """
    小区 花园 家园 公寓 苑 新村 山庄 别墅 府 园 庭 湾 郡 居 坊 工业区
    园区 学校 大学 学院 院
    """
)
"""Places divided into buildings: a number with 号 after them counts buildings."""

WEAK_ENDINGS = frozenset({"国际", "天下", "水岸", "春天", "印象", "御景", "半岛", "人家", "中心"})
"""Words that end names of estates, but begin or stand inside other names just as well."""
