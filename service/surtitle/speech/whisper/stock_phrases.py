"""Phrases that Whisper writes where nobody speaks, taken from the ends of videos in its training data.

Collected from public lists of such hallucinations, and with the sounds of `benchmarks/hostile_sounds.py`. All are
compared without case, spaces and punctuation, so that languages without spaces need no special rules.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import accumulate

_MAX_LENGTH = 400  # characters: longer captions are not examined

# Phrases that people really say, too.
_COURTESIES = """
you | thank you | thanks | thank you very much | thank you so much | thanks a lot | thank you everyone
bye | bye bye | goodbye | see you | see you next time | see you later | see you soon | good night
have a great day
okay | ok | oh | so | yeah | yes | no | hmm | mm | mhm | mm hmm | uh | um | ah | huh | hey | wow | the | i | a
and | the end
hello | hi | i'm sorry | sorry | all right | alright | well | right | what | shh | beep | ding
let's go | here we go | come on | let's see | i don't know | i love you | oh my god | i'm going to go
danke | vielen dank | danke schön | tschüss | bis zum nächsten mal | bis bald | ja | so | auf wiedersehen | ende
merci | merci beaucoup | au revoir | à bientôt | à la prochaine | merci à tous | oui | fin
gracias | muchas gracias | adiós | hasta luego | hasta la próxima | hasta pronto | chao | sí
grazie | grazie mille | grazie a tutti | ciao | arrivederci | alla prossima | buon appetito | sì | fine
obrigado | obrigada | muito obrigado | tchau | até logo | até a próxima | até mais | é isso | e aí
dank u | dank je | dank je wel | bedankt | tot ziens | tot de volgende keer | doei
dziękuję | dzięki | dziękuję bardzo | do widzenia | do zobaczenia | cześć
děkuji | děkuju | na shledanou | ahoj | čau | ďakujem | köszönöm | szia | sziasztok
mulțumesc | la revedere | pa | hvala | hvala lepa | doviđenja | благодаря | довиждане
tack | tack så mycket | hej då | tak | mange tak | farvel | takk | ha det | kiitos | moi moi | kiitoksia
спасибо | большое спасибо | пока | до свидания | до встречи | ну | да | дякую | до побачення | бувайте
teşekkürler | teşekkür ederim | hoşça kalın | görüşürüz | güle güle | ευχαριστώ | γεια σας | γεια
شكرا | شكرا لكم | شكرا جزيلا | مع السلامة | السلام عليكم | תודה | תודה רבה | להתראות
ممنون | متشکرم | خداحافظ | धन्यवाद | शुक्रिया | नमस्ते | ধন্যবাদ | நன்றி | شکریہ
ありがとう | ありがとうございます | ありがとうございました | おやすみなさい | おやすみ | さようなら | バイバイ
じゃあね
お疲れ様でした | はい | うん | あ | え | ん | あー | ふふ
谢谢 | 謝謝 | 谢谢大家 | 謝謝大家 | 再见 | 再見 | 拜拜 | 好 | 嗯 | 啊 | 晚安 | 唔該
감사합니다 | 고맙습니다 | 안녕 | 안녕히 계세요 | 네 | 아
cảm ơn | cảm ơn các bạn | xin cảm ơn | tạm biệt | chào tạm biệt | hẹn gặp lại
terima kasih | terima kasih banyak | sampai jumpa | makasih | selamat tinggal | salamat | ขอบคุณ | ขอบคุณครับ
ขอบคุณค่ะ | สวัสดี
"""

# Phrases that are only said at the start or the end of a video.
_VIDEO_ENDS = """
thank you for watching | thanks for watching | thank you for watching this video
thanks for watching this video
thank you for watching and see you next time | thank you so much for watching | thank you very much for watching
thank you for listening | thanks for listening | thank you for your attention | thank you for joining us
please subscribe | subscribe | please subscribe to my channel | please subscribe to the channel
like and subscribe
please like and subscribe | don't forget to like and subscribe | don't forget to subscribe
subscribe to my channel
please like subscribe and share | if you liked this video please like and subscribe | hit the bell
see you in the next video | i'll see you in the next video | i'll see you next time | see you in the next one
see you guys in the next video | i'll see you in the next one | we'll be right back | we'll see you next time
welcome to my channel | hello everyone welcome to my channel | hi everyone welcome to my channel
to be continued
music | music playing | applause | laughter | silence | blank audio | sound effect | foreign | inaudible
background noise
vielen dank fürs zuschauen | danke fürs zuschauen | vielen dank für ihre aufmerksamkeit
vielen dank fürs zuhören
danke fürs zuhören | bis zum nächsten video | abonniert den kanal | vielen dank für eure aufmerksamkeit | musik
applaus
das war's für heute | ich bedanke mich fürs zuschauen | wir sehen uns im nächsten video | bitte abonnieren
lachen
merci d'avoir regardé | merci d'avoir regardé cette vidéo | merci d'avoir regardé la vidéo | abonnez vous
musique
n'oubliez pas de vous abonner | abonnez vous à la chaîne | à la prochaine vidéo | merci de votre attention
rires
applaudissements | merci de m'avoir écouté | on se retrouve dans la prochaine vidéo | abonnez vous à ma chaîne
gracias por ver el video | gracias por ver | gracias por ver este video | suscríbete | suscríbete al canal
música
suscríbete a mi canal | no olvides suscribirte | hasta el próximo video | nos vemos en el próximo video
aplausos
gracias por su atención | gracias por vernos | dale like y suscríbete | muchas gracias por ver el video | risas
grazie per aver guardato il video | grazie per aver guardato | grazie per la visione | grazie per l'attenzione
musica
iscrivetevi al canale | iscriviti al canale | ci vediamo nel prossimo video | mettete mi piace | applausi
risate
grazie per aver visto il video | buon proseguimento | al prossimo video | grazie per l'ascolto
obrigado por assistir | obrigada por assistir | obrigado por assistir este vídeo | obrigado pela atenção
inscreva se
inscreva se no canal | se inscreva no canal | até o próximo vídeo | não se esqueça de se inscrever | palmas
risos
obrigado por ver | deixe seu like | ative o sininho | até à próxima
bedankt voor het kijken | dank u voor het kijken | abonneer je op mijn kanaal | tot de volgende video | muziek
applaus
dziękuję za oglądanie | dziękuję za uwagę | dziękujemy za oglądanie | dziękuję za obejrzenie | muzyka | oklaski
zapraszam do subskrypcji | subskrybuj | do zobaczenia w następnym odcinku | subskrybujcie
děkuji za pozornost | děkujeme za pozornost | děkuji za sledování | hudba | potlesk | ďakujem za pozornosť
köszönöm, hogy megnézted | köszönöm a figyelmet | zene | mulțumesc pentru vizionare
vă mulțumesc pentru vizionare
tack för att ni tittade | tack för att du tittade | musik | tak fordi i så med | takk for at du så på
kiitos kun katsoit
спасибо за просмотр | спасибо за внимание | подписывайтесь на канал | подписывайтесь | ставьте лайки | музыка
подписывайтесь на мой канал | продолжение следует | аплодисменты | смех | всем пока | до новых встреч
с вами был
спасибо что смотрели | играет музыка | весёлая музыка | спокойная музыка | до следующего видео
дякую за перегляд | дякуємо за перегляд | дякую за увагу | підписуйтесь на канал | музика | далі буде | оплески
izlediğiniz için teşekkürler | izlediğiniz için teşekkür ederim | abone olun | kanalıma abone olun | müzik
alkış
abone olmayı unutmayın | bir sonraki videoda görüşmek üzere | ευχαριστώ που παρακολουθήσατε | μουσική
συνεχίζεται
شكرا على المشاهدة | شكرا للمشاهدة | شكرا لكم على المشاهدة | اشتركوا في القناة | لا تنسوا الاشتراك في القناة
موسيقى
لا تنسى الاشتراك في القناة | تصفيق | סיום | תודה שצפיתם | תודה על הצפייה | מוזיקה | موسیقی
ممنون که تماشا کردید
देखने के लिए धन्यवाद | वीडियो देखने के लिए धन्यवाद | चैनल को सब्सक्राइब करें | सब्सक्राइब करें | संगीत | तालियां
ご視聴ありがとうございました | ご視聴ありがとうございます | ご視聴いただきありがとうございました
最後までご視聴ありがとうございました
最後までご視聴いただきありがとうございました | ご清聴ありがとうございました | チャンネル登録をお願いします
チャンネル登録お願いします
チャンネル登録よろしくお願いします | 高評価とチャンネル登録をお願いします | 次の動画でお会いしましょう
また次の動画でお会いしましょう
次回もお楽しみに | 見てくれてありがとう | 音楽 | 拍手 | 字幕視聴ありがとうございました | 続く
谢谢观看 | 謝謝觀看 | 感谢观看 | 感謝觀看 | 谢谢收看 | 謝謝收看 | 感谢您的观看 | 感謝您的觀看 | 谢谢大家观看
请订阅我的频道
请订阅 | 請訂閱 | 记得订阅 | 点赞订阅 | 我们下期再见 | 下期再见 | 下次再见 | 未完待续 | 未完待續 | 音乐 | 音樂
掌声 | 多謝收看
請訂閱我的頻道 | 歡迎訂閱我的頻道 | 我們下次再見 | 多谢您的观看 | 最后一集
시청해주셔서 감사합니다 | 시청해 주셔서 감사합니다 | 구독과 좋아요 부탁드립니다 | 구독 좋아요 부탁드려요
영상편지
다음 영상에서 만나요 | 다음 영상에서 뵙겠습니다 | 봐주셔서 감사합니다 | 끝까지 시청해주셔서 감사합니다 | 음악
박수 | 오늘도 시청해주셔서 감사합니다
cảm ơn các bạn đã theo dõi | cảm ơn các bạn đã xem | cảm ơn các bạn đã xem video | hãy đăng ký kênh
hẹn gặp lại các bạn
hãy subscribe cho kênh ghiền mì gõ | để không bỏ lỡ những video hấp dẫn
hẹn gặp lại các bạn trong những video tiếp theo
các bạn hãy đăng ký kênh | cảm ơn các bạn đã theo dõi và hẹn gặp lại | âm nhạc
terima kasih telah menonton | terima kasih sudah menonton | terima kasih kerana menonton | jangan lupa subscribe
jangan lupa like dan subscribe | sampai jumpa di video selanjutnya | musik
terima kasih kerana menonton video ini
ขอบคุณที่รับชม | ขอบคุณที่รับชมค่ะ | ขอบคุณที่รับชมครับ | โปรดติดตามตอนต่อไป | ดนตรี | salamat sa panonood
"""

# Credits. Nobody says these, so they are taken out even if the model is sure.
_CREDITS = re.compile(
    "|".join(
        (
            r".{0,60}amaraorg.{0,40}",
            r"(untertitel|untertitelung|subtitles?)(des|derdes|imauftragdes|vom|von|fürden|by)?"
            r"(zdf|ard|wdr|swr|ndr|br|orf|srf|mdr|funk|bbc)+(fürfunk)?(text)?\d{0,4}",
            r"untertitel(ung)?imauftrag.{0,30}",
            r"copyright(wdr|zdf|swr|ndr|ard|br|sat1)?\d{4}",
            r"(swr|wdr|ndr)\d{4}",
            r"untertitelvonstephaniegeiges",
            r"soustitrage(st|fr|mfp|srt|société|radiocanada).{0,30}",
            r".{0,10}soustitreurcom",
            r"sottotitolie(revisione|sincronizzazione|composizione)acuradi.{0,30}",
            r"sottotitoliacuradi(qtss|luca.{0,15})",
            r"(ondertitels?|ondertiteling|ondertiteld).{0,20}(tvgelderland|bartjansen|nogvertalen|npo).{0,15}\d{0,4}",
            r"(redaktor|редактор)?субтитр.{0,60}(семкин|егорова|синецкая|кулакова|корректор|dimatorzok|новикова).{0,60}",
            r"редакторсубтитров.{0,60}",
            r"субтитры(сделал|создавал|делал|подготовил|добавил|подогнал).{0,40}",
            r"dimatorzok",
            r"(napisy|napisystworzone|wersjapolska).{0,25}(amara|nowamedia|społeczność).{0,30}",
            r"(titulky|překlad)(vytvořil|od)(johnyx|.{0,25}titulkycom|.{0,20}filmotip).{0,20}",
            r"wwwtitulkycom|johnyx",
            r"altyazı?mk.{0,10}",
            r"(字幕|中文字幕)(由|by)(索[兰蘭]娅|amara).{0,20}",
            r"字幕by索[兰蘭][娅婭]",
            r".{0,12}不吝点赞.{0,40}|.{0,12}不吝點贊.{0,40}",
            r".{0,10}明[镜鏡][与與需]要?[点點][点點].{0,20}",
            r"(优优独播剧场|優優獨播劇場|优独播剧场).{0,40}",
            r"(字幕|中文字幕)(志愿者|志願者|组|組|提供|製作|制作).{0,25}",
            r"本字幕由.{0,30}",
            r"(mbc|kbs|sbs)?뉴스.{2,4}입니다",
            r"(이시각세계였습니다)",
            r"자막제공.{0,15}|한글자막.{0,15}|자막by.{0,20}",
            r"ترجمة(نانسي|قنقر).{0,20}|ترجمةنانسيقنقر",
            r"(cabecera|subtítulos|subtítulosporla|subtitulado)(por)?(la)?comunidad.{0,25}",
            r"(legenda|legendas)(pela|adriana|por)(comunidade|zanotto).{0,20}",
            r"(transcriptionby|transcribedby|transcript)castingwords|castingwords",
            r"(transcription|transcript)outsourcingllc",
            r"transcribedbyhttpsotterai|httpsotterai|otterai",
            r"wwwmoojiorg|moojiorg",
            r"(translated|translation|subtitles|subtitled|subs|captions|closedcaptioning|closedcaptions|captioning)"
            r"(provided|made|created|edited|sponsored)?by(releasedthoughts|rev|csi|thepublic|ncicap|clickclickcaptions).{0,40}",
            r"scriptedby|bfwatchtv\d{4}",
            r"httpswww.{0,40}|wwwyoutubecom.{0,20}",
            r"undertekster(av|ne)?(ai|nicolaiwinther|.{0,15}medier)?(ai)?(media)?|tekstingav.{0,25}",
            r"(undertextning|undertexter|svensktextning)(från|av)?.{0,25}",
            r"subtitrarea(afost)?(făcută)?.{0,30}",
            r"(felirat|magyarfelirat).{0,25}",
            r"υπότιτλοι(authorwave|.{0,20})",
            r"תרגוםוכתוביות.{0,20}|כתוביותעלידי.{0,20}",
            r"ghiềnmìgõ.{0,40}|hãysubscribechokênhghiềnmìgõ.{0,60}",
        )
    )
)

# Openings of credits that can also open a sentence.
_CREDIT_OPENING = re.compile(
    r"(subtitles?by|subtitlesmadeby|captionsby|transcribedby|transcriptionby|translatedby|captioningby"
    r"|untertitel(ung)?(von|der|des|durch|mit)|übersetzung(von)?|soustitr(es|age)(par|réalisés|faits?|de)?"
    r"|subtítulos(por|realizados|de)|sottotitoli(creati|di|acura)|legendas?(por|pela|de)"
    r"|ondertitel(s|d|ing)(door|van|ingediend)|napisy(stworzone|przez)|titulky(vytvořil|pro)|субтитры"
    r"|субтитри|altyazı|ترجمة|字幕|자막|phụđề|diterjemahkan|copyright)"
)


def normalize(text: str) -> str:
    """Reduce ``text`` to its letters, digits and the marks on them, without case, spaces and punctuation."""
    folded = unicodedata.normalize("NFKC", text.casefold())
    return "".join(character for character in folded if unicodedata.category(character)[0] in "LNM")


def _parse_phrases(phrases: str) -> frozenset[str]:
    return frozenset(
        normalize(phrase) for line in phrases.splitlines() for phrase in line.split("|") if normalize(phrase)
    )


COURTESIES = _parse_phrases(_COURTESIES)
VIDEO_ENDS = _parse_phrases(_VIDEO_ENDS)
_ALL = COURTESIES | VIDEO_ENDS
_MAX_PHRASE = max(map(len, _ALL))


def is_credit(words: Sequence[str]) -> bool:
    """Whether all of ``words`` together are the credits of a subtitler or a broadcaster."""
    letters = normalize("".join(words))
    return len(letters) <= _MAX_LENGTH and _CREDITS.fullmatch(letters) is not None


def is_stock_phrase(words: Sequence[str]) -> bool:
    """Whether ``words`` consist of stock phrases or begin like credits; people may really have said them."""
    parts = [part for part in map(normalize, words) if part]
    letters = "".join(parts)
    if not letters or len(letters) > _MAX_LENGTH:
        return False
    return _CREDIT_OPENING.match(letters) is not None or _is_made_of(parts, letters)


def _is_made_of(parts: Sequence[str], letters: str) -> bool:
    """Whether ``letters`` can be divided completely into stock phrases, at the borders of ``parts``."""
    ends = [0, *accumulate(map(len, parts))]
    reached = {0}
    for end in ends[1:]:
        starts = (start for start in reached if end - start <= _MAX_PHRASE)
        if any(letters[start:end] in _ALL for start in starts):
            reached.add(end)
    return ends[-1] in reached
