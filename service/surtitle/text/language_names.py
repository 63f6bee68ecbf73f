"""The languages that can be translated into: their names, NLLB codes and BCP 47 tags."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache, lru_cache

from surtitle.core.errors import BadRequest
from surtitle.text.bidi import RIGHT_TO_LEFT_SCRIPTS

_CODES = """
    ace_Arab ace_Latn acm_Arab acq_Arab aeb_Arab afr_Latn ajp_Arab aka_Latn als_Latn amh_Ethi apc_Arab arb_Arab
    ars_Arab ary_Arab arz_Arab asm_Beng ast_Latn awa_Deva ayr_Latn azb_Arab azj_Latn bak_Cyrl bam_Latn ban_Latn
    bel_Cyrl bem_Latn ben_Beng bho_Deva bjn_Arab bjn_Latn bod_Tibt bos_Latn bug_Latn bul_Cyrl cat_Latn ceb_Latn
    ces_Latn cjk_Latn ckb_Arab crh_Latn cym_Latn dan_Latn deu_Latn dik_Latn dyu_Latn dzo_Tibt ell_Grek eng_Latn
    epo_Latn est_Latn eus_Latn ewe_Latn fao_Latn fij_Latn fin_Latn fon_Latn fra_Latn fur_Latn fuv_Latn gaz_Latn
    gla_Latn gle_Latn glg_Latn grn_Latn guj_Gujr hat_Latn hau_Latn heb_Hebr hin_Deva hne_Deva hrv_Latn hun_Latn
    hye_Armn ibo_Latn ilo_Latn ind_Latn isl_Latn ita_Latn jav_Latn jpn_Jpan kab_Latn kac_Latn kam_Latn kan_Knda
    kas_Arab kas_Deva kat_Geor kaz_Cyrl kbp_Latn kea_Latn khk_Cyrl khm_Khmr kik_Latn kin_Latn kir_Cyrl kmb_Latn
    kmr_Latn knc_Arab knc_Latn kon_Latn kor_Hang lao_Laoo lij_Latn lim_Latn lin_Latn lit_Latn lmo_Latn ltg_Latn
    ltz_Latn lua_Latn lug_Latn luo_Latn lus_Latn lvs_Latn mag_Deva mai_Deva mal_Mlym mar_Deva min_Latn mkd_Cyrl
    mlt_Latn mni_Beng mos_Latn mri_Latn mya_Mymr nld_Latn nno_Latn nob_Latn npi_Deva nso_Latn nus_Latn nya_Latn
    oci_Latn ory_Orya pag_Latn pan_Guru pap_Latn pbt_Arab pes_Arab plt_Latn pol_Latn por_Latn prs_Arab quy_Latn
    ron_Latn run_Latn rus_Cyrl sag_Latn san_Deva sat_Beng scn_Latn shn_Mymr sin_Sinh slk_Latn slv_Latn smo_Latn
    sna_Latn snd_Arab som_Latn sot_Latn spa_Latn srd_Latn srp_Cyrl ssw_Latn sun_Latn swe_Latn swh_Latn szl_Latn
    tam_Taml taq_Latn taq_Tfng tat_Cyrl tel_Telu tgk_Cyrl tgl_Latn tha_Thai tir_Ethi tpi_Latn tsn_Latn tso_Latn
    tuk_Latn tum_Latn tur_Latn twi_Latn tzm_Tfng uig_Arab ukr_Cyrl umb_Latn urd_Arab uzn_Latn vec_Latn vie_Latn
    war_Latn wol_Latn xho_Latn ydd_Hebr yor_Latn yue_Hant zho_Hans zho_Hant zsm_Latn zul_Latn
"""  # those of NLLB-200: ISO 639-3 and ISO 15924
_OWN_TAGS = {"twi_Latn": "tw"}  # it would get the tag of Akan
_MAX_DISTANCE = 10  # between the requested language and a known one, by langcodes: pt-BR and pt have 5
_MAX_SUGGESTIONS = 3


@dataclass(frozen=True, slots=True)
class Language:
    """A language to translate into; ``tag`` identifies it in the protocol and on pages."""

    tag: str
    nllb: str
    name: str
    own_name: str
    right_to_left: bool


@cache
def languages() -> dict[str, Language]:
    """All languages by tag, sorted by their English names. The first call takes a moment."""
    found = sorted((_make_language(code) for code in _CODES.split()), key=lambda language: language.name)
    return {language.tag: language for language in found}


@lru_cache(1000)
def find(name: str) -> Language:
    """Find a language by tag, code or name: zh, zh-CN, Chinese, zho_Hans, "português (Brasil)". Raises `BadRequest`."""
    from langcodes import closest_supported_match

    wanted = name.strip()[:80]
    for language in languages().values():
        if wanted.casefold() in (language.tag.casefold(), language.nllb.casefold()):
            return language
    tag = _make_tag(wanted)
    match = closest_supported_match(tag, list(languages()), _MAX_DISTANCE) if tag else None
    if match is None:
        raise _unknown_language(wanted)
    return languages()[match]


def is_same_language(one: str, other: str) -> bool:
    """Whether two tags are the same language, regardless of the region, as pt and pt-BR are."""
    from langcodes import tag_distance

    return _is_valid(one) and _is_valid(other) and tag_distance(one, other) < _MAX_DISTANCE


def _make_tag(name: str) -> str | None:
    """The tag for ``name``, which is a tag or the name of a language in any language; None if it is unknown."""
    from langcodes import find as find_name

    tag = name.replace("_", "-")
    if _is_valid(tag):
        return tag
    try:
        return str(find_name(name).to_tag())
    except LookupError:
        return None


def _is_valid(tag: str) -> bool:
    from langcodes import tag_is_valid

    return bool(tag_is_valid(tag))


def _make_language(code: str) -> Language:
    from langcodes import Language as Tag
    from langcodes import standardize_tag

    found = Tag.get(_OWN_TAGS.get(code) or standardize_tag(code.replace("_", "-"), macro=True))
    script = code[-4:]
    bare = Tag.make(language=found.language, territory=found.territory)
    tag = bare if bare.maximize().script in (script, None) else found
    return Language(tag.to_tag(), code, tag.display_name(), tag.autonym(), script in RIGHT_TO_LEFT_SCRIPTS)


def _unknown_language(name: str) -> BadRequest:
    """The error for an unknown language, with suggestions."""
    names = {spelled.casefold(): one for one in languages().values() for spelled in (one.name, one.own_name)}
    close = difflib.get_close_matches(name.casefold(), names, _MAX_SUGGESTIONS)
    meant = " or ".join(dict.fromkeys(f"{names[each].tag} ({names[each].name})" for each in close))
    advice = f"do you mean {meant}?" if meant else "send a code such as fr, pt-BR or zh-Hant."
    return BadRequest(f"{name[:40]!r} is not a language that can be translated into: {advice}")
