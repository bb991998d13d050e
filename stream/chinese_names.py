"""Chinese names of companies by how they end: 银行, 集团, 证券. Where one begins is told by the word before it.

Chinese writes no capitals and no spaces, and an ending is often no name at all (商业银行 is any bank), so this finds
fewer names than there are, and takes a verb into one now and then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["chinese_names"]

_ENDING = "银行|證券|证券|集团|集團|股份|控股|保险|保險|信托|地产|地產|药业|藥業|科技|汽车|汽車|航空|电子|能源|资本"
_NAME = re.compile(rf"(?:[\u4e00-\u9fff](?!(?:{_ENDING}))){{0,5}}[\u4e00-\u9fff](?:{_ENDING})+")
_BREAK = re.compile(
    "[的了在和与與及被将將对對向从從由是于於以让讓使称稱据據因为為或等该該本其这這那每各数數多两兩家个個名大元月日把而都不要]"
    "|公司|旗下|巨头|通过|审议|仍然|如果|听取|推动|回购|发行|增持|减持|指责|起诉|调查|收购|警告|宣布|批评|接管|包括|关闭|美国|中国|英国|日本|德国|法国|香港|瑞士|欧洲|全球|国际"
)
_GENERIC = re.compile(
    "(?:商业|中央|投资|国有|地方|大型|中小|外资|村镇|上市|高|新|互联网|金融|房|新能源|人民|股份制|政策性|开发|区域|储蓄|私人"
    "|民营|生物|信息|半导体|人工智能|智能|风险|社会|国家|国内|海外|境外|可再生|清洁|限公司)?"
    f"(?:{_ENDING})+"
)
_SHORTEST = 4


def chinese_names(text: str) -> Iterator[str]:
    """Each name, as it is written, in order; one that is named twice comes twice."""
    for match in _NAME.finditer(text):
        name = _BREAK.split(match[0])[-1]
        if len(name) >= _SHORTEST and not _GENERIC.fullmatch(name):
            yield name
