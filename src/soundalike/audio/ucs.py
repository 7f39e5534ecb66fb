"""File names of the Universal Category System: what a sound designer's library says in its names.

Source: Nielsen and Drury, *Universal Category System*, file naming convention: a name is
``CatID(-UserCategory)_(VendorCategory-)FXName_CreatorID_SourceID(_UserData)``, and a CatID is the short form
of a category with that of a subcategory behind it. The short forms below are those of version 8.1.
"""

from __future__ import annotations

import re
from pathlib import PurePath

_CATEGORIES = {
    "AERO": "aircraft", "AIR": "air", "ALRM": "alarms", "AMB": "ambience", "ANML": "animals",
    "BEEP": "beeps", "BELL": "bells", "BIRD": "birds", "BLLT": "bullets", "BOAT": "boats",
    "CERM": "ceramics", "CHAIN": "chains", "CHEM": "chemicals", "CLOCK": "clocks", "CLOTH": "cloth",
    "CMPT": "computers", "COM": "communications", "CREA": "creatures", "CRWD": "crowds",
    "DESTR": "destruction", "DIRT": "dirt & sand", "DOOR": "doors", "DRWR": "drawers",
    "DSGN": "designed", "ELEC": "electricity", "EQUIP": "equipment", "EXPL": "explosions",
    "FART": "farts", "FEET": "footsteps", "FGHT": "fight", "FIRE": "fire", "FOLY": "foley",
    "FOOD": "food & drink", "FRWK": "fireworks", "GAME": "games", "GEO": "geothermal",
    "GLAS": "glass", "GORE": "gore", "GUN": "guns", "HMN": "human", "HORN": "horns", "ICE": "ice",
    "LASR": "lasers", "LETHR": "leather", "LIQ": "liquid & mud", "MACH": "machines", "MAG": "magic",
    "MECH": "mechanical", "METL": "metal", "MOTR": "motors", "MOVE": "movement", "MUSC": "musical",
    "NATD": "natural disaster", "OBJ": "objects", "PAPR": "paper", "PLAS": "plastic", "RAIN": "rain",
    "ROBT": "robots", "ROCK": "rocks", "ROPE": "rope", "RUBR": "rubber", "SCI": "scifi",
    "SNOW": "snow", "SPRT": "sports", "TOOL": "tools", "TOON": "cartoon", "TOY": "toys",
    "TRN": "trains", "UI": "user interface", "VEGE": "vegetation", "VEH": "vehicles", "VOX": "voices",
    "WATR": "water", "WEAP": "weapons", "WHST": "whistles", "WIND": "wind", "WING": "wings",
    "WNDW": "windows", "WOOD": "wood",
}  # fmt: skip
# Categories whose short form is a CatID by itself.
_ALONE = {
    "BEEP": "beeps", "HAIL": "weather", "RAIN": "rain", "STORM": "weather", "SWSH": "swooshes",
    "THUN": "weather", "WHSH": "swooshes", "WIND": "wind", "WTHR": "weather",
}  # fmt: skip
_CAT_ID = re.compile(r"([A-Z]{2,5})([A-Z][a-z]{1,7})?")
_LONGEST_BLOCK = 200


def ucs_fields(name: str) -> dict[str, str]:
    """Read a file name by the Universal Category System.

    Only a name with all four blocks, whose first is a CatID of a known category in its exact case, counts:
    ``Kick_01_A_B.wav`` says nothing.

    Args:
        name: A file name, with or without folders and extension.

    Returns:
        ``ucs_cat_id``, ``ucs_category``, ``ucs_name``, ``ucs_creator`` and ``ucs_source``, and where they are
        there ``ucs_user_category``, ``ucs_vendor_category`` and ``ucs_user_data``; empty for other names.

    Example:
        >>> ucs_fields("GUNAuto_Rapid Fire Close_TN_DORY.wav")["ucs_category"]
        'guns'
        >>> ucs_fields("Kick_01_A_B.wav")
        {}
    """
    file_name = PurePath(name.replace("\\", "/")).name
    stem, dot, extension = file_name.rpartition(".")
    if not dot or not extension.isalnum():
        stem = file_name
    blocks = [block.strip() for block in stem.split("_", 4)]
    if len(blocks) < 4 or not all(0 < len(block) <= _LONGEST_BLOCK for block in blocks[:4]):
        return {}
    cat_id, _, user_category = blocks[0].partition("-")
    category = _category(cat_id)
    if category is None:
        return {}
    vendor_category, dash, _ = blocks[1].partition("-")
    fields = {
        "ucs_cat_id": cat_id,
        "ucs_category": category,
        "ucs_name": blocks[1],
        "ucs_creator": blocks[2],
        "ucs_source": blocks[3],
        "ucs_user_category": user_category.strip(),
        "ucs_vendor_category": vendor_category.strip() if dash else "",
        "ucs_user_data": blocks[4][:_LONGEST_BLOCK] if len(blocks) > 4 else "",
    }
    return {key: value for key, value in fields.items() if value}


def _category(cat_id: str) -> str | None:
    match = _CAT_ID.fullmatch(cat_id)
    if match is None:
        return None
    short, sub = match.groups()
    return _CATEGORIES.get(short) if sub else _ALONE.get(short)
