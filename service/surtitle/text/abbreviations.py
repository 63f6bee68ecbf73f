"""Abbreviations that end with a full stop, by language and by what may follow them.

They are in lower case, without their last full stop. An abbreviation that is also a word is listed only if it is far
more often an abbreviation, or if a number has to follow.
"""

from __future__ import annotations

BEFORE_WORD = {
    "en": "mr mrs ms mx dr prof st mt ft gen col sgt lt capt cmdr adm maj rev hon gov sen rep pres vs e.g i.e cf viz "
    "approx ave dept messrs ph pvt cpl pfc brig supt atty insp blvd univ assn",
    "de": "hr fr frl prof dr dipl ing z.b d.h u.a bzw ca evtl ggf vgl sog inkl exkl zzgl bzgl i.d.r m.e v.a str st "
    "geb gest z.t z.zt o.g u.u d.i s.o s.u bspw zzt hl gem ehem gegr verh lfd wg lt pfr bgm",
    "fr": "m mm mme mlle mmes mlles mgr dr pr me st ste p.ex ex cf av bd env c.-à-d",
    "es": "sr sra srta sres sras d dª dña dr dra prof profa ud uds vd vds p.ej ej av avda gral cap lic ing st sto sta "
    "ee",
    "it": "sig sigg sig.ra sig.na dott dott.ssa prof prof.ssa avv ing arch on mons p.es es cfr ca egr gent spett s",
    "pt": "sr sra srs sras srta dr dra prof profa eng p.ex ex av d exmo exma v.ex cap",
    "nl": "dhr mevr mw dr drs ing ir prof bijv bv d.w.z o.a m.b.t i.p.v ca evt incl excl t.o.v nl st",
    "pl": "dr prof mgr inż np tzw tj m.in ul św ks ok p",
    "cs": "např tzv tj p pí mudr judr ing mgr prof doc dr sv ul",
    "sv": "t.ex bl.a dvs d.v.s ca s.k dr prof",
    "da": "f.eks bl.a dvs ca hr fr dr prof",
    "no": "f.eks bl.a dvs ca hr fr dr prof",
    "fi": "esim ts mm tri prof",
    "ru": "т.е т.к т.н напр проф акад ул пр пл д кв гл св сек мин тов гр",
    "uk": "т.зв напр проф акад ім вул св",
    "tr": "dr prof doç av örn bkz sn",
    "bg": "напр проф акад инж г-н г-жа д-р ул бул св т.е т.нар",
    "ca": "sr sra srta dr dra prof p.ex av avda st sta",
    "el": "κ κα κος κ.κ π.χ δηλ λ.χ αρ οδ αγ βλ",
    "et": "nt näit s.o s.t hr pr prl dr prof vt tn lp",
    "hr": "npr tj tzv dr prof mr mag g gđa ul sv odn dipl ing",
    "hu": "pl kb ún ill dr prof id ifj özv vö u.n st",
    "is": "t.d þ.e t.a.m dr próf sr hr frk sbr",
    "lt": "pvz t.y dr prof p g doc kun šv",
    "lv": "piem t.i dr prof kgs kdze sv",
    "ro": "dl dna dra dlui d-na d-l dr prof ing sf str bd ex de.ex lt col gen",
    "sk": "napr tzv tj p pí mudr judr ing mgr prof doc dr sv ul resp",
    "sl": "npr tj t.i dr prof mag g ga gdč ul sv oz dipl inž",
    "sr": "npr tj tzv dr prof mr g gđa ul sv odn нпр тј тзв др проф г гђа ул св одн",
}
"""Abbreviations before a word; they never end a sentence."""

BEFORE_NUMBER = {
    "en": "no nos fig figs vol ch sec art par p pp jan feb mar apr jun jul aug sep sept oct nov dec op apt "
    "bldg rm ste ext eq eqs",
    "de": "nr nrn abs art abb bd bj kap s jan feb mrz apr jun jul aug sep sept okt nov dez tel max mind",
    "fr": "n nos fig vol chap art p pp tél janv févr avr juill sept oct nov déc",
    "es": "n núm núms nº fig vol cap art pág págs tel",
    "it": "n nn fig vol cap art pag pagg tel",
    "pt": "n núm nº fig vol cap art pág págs tel",
    "nl": "nr nrs afb art blz hfst tel",
    "pl": "nr art str rys tel",
    "cs": "č čl str obr tel",
    "ru": "стр рис тел ст п гл",
    "bg": "стр бр чл тел фиг",
    "ca": "núm pàg pàgs art cap vol tel",
    "el": "αριθ σελ άρθρ κεφ τηλ",
    "hr": "br str čl sl tel",
    "hu": "tel ábra",
    "lt": "nr psl tel pav",
    "lv": "nr lpp tel",
    "ro": "nr pag art cap vol fig tel",
    "sk": "č čl str obr tel",
    "sl": "št str čl sl tel",
    "sr": "br str čl sl tel бр стр чл сл тел",
}
"""Words that are only abbreviations before a number: "No. 5", but "No. I do not."."""

MAYBE_LAST = {
    "en": "etc inc ltd co corp bros jr sr esq ph.d m.d a.m p.m u.s u.k u.n d.c b.c a.d et.al al",
    "de": "usw etc u.a.m u.ä o.ä u.s.w tsd mio mrd co jh jhd n.chr v.chr chr ag",
    "fr": "etc s.a j.-c",
    "es": "etc ee.uu uu s.a s.l a.c d.c ud",
    "it": "ecc etc a.c d.c s.p.a s.r.l",
    "pt": "etc ltda s.a cia a.c d.c",
    "nl": "enz etc e.d n.v b.v",
    "pl": "itd itp r w tys mln mld zł",
    "cs": "atd apod r tis mil",
    "sv": "osv m.m etc kr",
    "da": "osv m.m mv kr",
    "no": "osv m.m mv kr",
    "fi": "jne ym yms",
    "ru": "т.д т.п др пр г гг в вв млн млрд тыс руб коп",
    "uk": "т.д т.п ін р рр млн млрд тис грн",
    "tr": "vb vs ltd şti a.ş",
    "bg": "т.н др г в млн млрд лв ст",
    "ca": "etc s.a s.l a.c d.c",
    "el": "κ.λπ κλπ κ.ά κ.τ.λ κτλ μ.χ π.χ π.μ μ.μ α.ε",
    "et": "jne jm jms jt",
    "hr": "itd sl tzv mil mlrd kn d.o.o",
    "hu": "stb kft zrt bt ft",
    "is": "o.s.frv o.fl m.a ehf hf kr",
    "lt": "t.t ir.t.t mln mlrd tūkst",
    "lv": "utt u.c u.tml milj",
    "ro": "etc ș.a s.a s.r.l d.hr î.hr mil mld",
    "sk": "atď apod r tis mil s.r.o a.s",
    "sl": "itd ipd idr mio mrd d.o.o d.d",
    "sr": "itd sl mil mlrd d.o.o итд сл мил млрд",
}
"""Abbreviations that may be the last word of a sentence; the next word decides."""

NAMES = {
    "en": "ala ariz ark calif colo conn del fla ga ill ind kan kans ky mass md mich minn miss mo mont neb nebr nev "
    "okla ont ore penn que tenn tex va vt wash wis wyo",
}
"""Abbreviations that only are ones with a capital, such as "Mass."; otherwise like `MAYBE_LAST`."""

TITLES = {
    "en": "hon pres",
    "de": "fr",
    "it": "sig sigg ing arch",
    "pt": "av",
    "sk": "ing",
}
"""Titles in `BEFORE_WORD` that are words of another language. If the language is not known, their capital decides.

Any word may follow them: names begin with articles, too, as in "Sig. Lo Presti".
"""

UNITS = {
    "en": "min mins sec secs hr hrs ft in lb lbs oz mi yd yds gal pt pts qt tsp tbsp yr yrs mo mos wk wks deg",
    "de": "min std sek stck st pkg",
    "fr": "min sec h",
    "es": "min seg h hs",
    "it": "min sec h",
    "pt": "min seg h",
    "nl": "min sec u",
    "pl": "min sek godz",
    "cs": "min sek hod",
    "sv": "min sek tim st",
    "da": "min sek t stk",
    "no": "min sek t stk",
    "ru": "мин сек ч",
    "uk": "хв сек год",
    "tr": "dk sn sa",
}
"""Abbreviations after a number: "5 min."; otherwise like `MAYBE_LAST`."""

WORDS_ELSEWHERE = {"de": "min std sek", "pl": "im"}
"""Like `MAYBE_LAST` ("fünf Min.", "min. 5"), but only where the language is known, because others have such words."""

AFTER_NAMES = {"en": "st ave blvd rd hwy pkwy univ assn", "de": "str"}
"""Like `MAYBE_LAST` after a name, as in "Main St."."""

STARTERS = {
    "en": "the a an i he she it we they you this that these those there here and but or so then when while if as "
    "because in on at for from with after before what who why how where which my your his her its our their "
    "not no yes well now all some most many one every both each also however still even let do did does is are "
    "was can could will would should have has",
    "de": "der die das den dem ein eine einer einem einen ich er sie es wir ihr man dies dieser diese dieses und "
    "aber oder also dann wenn als weil doch denn in im am an auf für mit nach vor bei zu was wer wie wo warum "
    "mein dein sein unser nicht nein ja nun jetzt alle viele hier da dort so auch",
    "fr": "le la les un une des je tu il elle on nous vous ils elles ce cet cette ces c'est et mais ou donc alors "
    "quand si parce dans en à au aux pour avec après avant que qui quoi comment où pourquoi mon ma mes ton son "
    "sa ses notre votre leur ne non oui il ici là aussi",
    "es": "el la los las un una unos yo tú él ella nosotros ustedes ellos ellas este esta esto estos ese esa eso y "
    "pero o entonces cuando si porque en a al para por con después antes que qué quién cómo dónde mi su no sí "
    "aquí también",
    "it": "il lo la i gli le un una io tu lui lei noi voi loro questo questa questi e ed ma o allora quando se "
    "perché in a al per con dopo prima che chi come dove mio suo non no sì qui anche c'è è",
    "pt": "o a os as um uma eu tu ele ela nós vocês eles elas este esta isto isso esse essa e mas ou então quando se "
    "porque em no na para por com depois antes que quem como onde meu seu não sim aqui também",
    "nl": "de het een ik jij hij zij ze wij we jullie dit dat deze die en maar of dus dan toen als want in op aan "
    "voor met na bij wat wie hoe waar waarom niet nee ja nu hier daar er",
    "pl": "i a ale w na to ten ta ja on ona my wy oni nie tak co kto jak gdzie kiedy",
    "cs": "a ale v na to ten ta já on ona my vy oni ne ano co kdo jak kde když",
    "sv": "det den en ett jag han hon vi ni de och men i på när om vad nej ja",
    "ru": "и а но в на это этот эта я он она мы вы они не да нет что кто как где когда если",
    "uk": "і а але в на це цей ця я він вона ми ви вони не так ні що хто як де коли якщо",
}
"""Words that often begin sentences. Their capital is evidence of a new sentence, but that of a name is not."""

DOTTED_ORDINALS = "bs cs da de et fi fo hr hu is lb lv no pl sk sl sr tr"
"""Languages that write "3. Mai" for "the third of May"."""

AMBIGUOUS = (
    "al am ag apr arch art av bd bl bv cap ch co d d.c de do doc eng ex es env esq fr ft gent hon in ing ir kr la m "
    "mar me mil min mm mw nl no on op ok or par pl por pr pres r s sec str tel tri ts tu ud vb w ym p pp sig bros "
    "gem id ill kb kun lp lt mag oz resp tn vt"
)
"""Abbreviations in `BEFORE_WORD` that are words of another language: they only apply if the language is known."""

BORROWED = {"word": "mr mrs ms dr prof vs", "last": "etc inc ltd corp jr u.s u.k", "number": "no nr"}
"""Abbreviations that are used in every language, by table."""
