"""One form for words: half-width, lower case, simplified letters, no blanks between Chinese letters, all printable.

Positions are those of the normalised text; nobody needs the way back. Never raises, whatever the text.
"""

import re

# Pairs traditional→simplified for letters that calls use; our own selection, not a dictionary.
_TRADITIONAL = (
    "車车門门開开關关間间問问聞闻閃闪電电話话說说講讲請请誰谁課课調调談谈論论證证識识記记訂订許许設设訴诉診诊詐诈該该語语誤误讓让變变"
    "醫医藥药療疗癥症癒愈傷伤死死殺杀搶抢劫劫綁绑槍枪彈弹爆爆燒烧燈灯煙烟熱热災灾滅灭爐炉焰焰氣气煤煤漏漏溝沟橋桥樓楼層层屋屋廠厂廣广場场"
    "塊块塵尘壞坏墻墙牆墙壓压堤堤潰溃湧涌決决洩泄淺浅淚泪溫温溼湿濕湿滾滚漢汉灣湾濟济濱滨瀉泻灑洒為为無无爾尔爺爷媽妈嬰婴孫孙學学孩孩寧宁實实審审"
    "寫写寶宝對对導导將将尋寻層层屬属岡冈島岛峽峡崗岗嶺岭巖岩師师帶带幫帮幣币幹干廁厕廢废彎弯張张強强後后從从徑径復复徵征憶忆應应懷怀懸悬戰战戲戏戶户"
    "擊击擋挡擠挤據据擔担擴扩擾扰攔拦攜携攝摄敗败敵敌數数斷断時时晉晋書书會会東东條条來来極极構构標标樣样樹树機机檔档檢检權权歡欢歲岁歷历歸归殘残毀毁"
    "沒没滿满準准產产甦苏畝亩畫画異异當当疊叠痠酸瘋疯發发皺皱盜盗監监盤盘眾众睏困瞭了矇蒙礦矿確确碼码禮礼種种稱称穀谷窩窝窮穷竄窜競竞筆笔節节範范築筑"
    "糧粮糾纠約约紅红純纯紙纸級级紛纷細细終终組组結结給给統统絕绝經经維维綠绿網网緊紧線线緣缘編编緩缓練练縣县縮缩總总績绩繩绳繼继續续纏缠罰罚罵骂羅罗"
    "習习聯联聲声聽听職职腦脑腫肿腳脚膠胶臉脸臨临舉举與与興兴舊旧艙舱藍蓝蘇苏蘭兰處处號号虧亏蟲虫衆众術术衛卫衝冲補补裝装裡里裏里製制複复覺觉觀观觸触"
    "負负財财責责貨货販贩貪贪貫贯貴贵買买費费貼贴賀贺資资賊贼賓宾賣卖賠赔質质賭赌購购贏赢趕赶趙赵跡迹踐践躍跃軍军軟软較较載载輕轻輛辆輪轮輸输轉转轎轿轟轰"
    "辦办農农這这連连進进運运過过達达違违遠远適适遲迟選选遺遗還还邊边鄉乡鄰邻郵邮醜丑釋释針针釘钉鋼钢錢钱錄录錯错鍋锅鎮镇鎖锁鐘钟鐵铁鑰钥長长閉闭閘闸"
    "隊队陽阳陰阴陣阵階阶際际險险隨随隱隐雙双雜杂雞鸡離离難难雲云霧雾靈灵靜静頂顶順顺須须預预領领頭头頸颈頻频題题額额願愿類类風风飛飞飯饭飲饮館馆馬马駕驾"
    "騎骑騙骗騷骚驚惊驗验髒脏體体鬆松鬥斗鬧闹魚鱼鳥鸟鹽盐麗丽麥麦麵面黨党點点齊齐齒齿龍龙劃划劇剧劑剂動动務务勞劳勢势區区協协單单卻却厲厉參参員员喪丧喚唤"
    "嗎吗嘔呕嘩哗噴喷嚇吓嚴严園园圍围圓圆團团國国圖图執执報报壽寿夠够夢梦夾夹奪夺奮奋婦妇孃娘個个們们倉仓側侧偵侦備备傳传債债價价儀仪億亿償偿優优兒儿兩两"
    "冊册凍冻創创別别剛刚剝剥劉刘劍剑淨净爭争狀状獨独獲获獸兽現现瑪玛環环瓊琼痙痉瘍疡癱瘫癲癫盡尽睜睁瞞瞒碩硕磚砖禍祸穩稳窯窑窪洼籃篮籠笼糞粪紮扎絆绊絞绞"
    "繃绷纜缆聞闻肅肃脅胁脫脱腸肠膚肤膽胆艱艰莊庄葉叶蓋盖薦荐薩萨蝕蚀蠟蜡蠶蚕襲袭訊讯訓训詢询詳详誌志認认誘诱護护譽誉讀读豬猪貓猫賬账賴赖蹤踪躲躲軌轨軸轴"
    "輔辅輩辈輯辑輾辗轄辖遊游鈕钮鈴铃鉤钩銀银銅铜鋪铺鋸锯錶表鍵键鎚锤鏈链鏟铲鏡镜鑽钻閣阁闊阔闖闯陳陈陸陆霉霉頓顿顏颜顫颤飄飘餓饿餘余餵喂駐驻駛驶騰腾驅驱"
    "骯肮鬍胡鯉鲤鴨鸭鵝鹅妳你麼么隻只墜坠溺溺暈晕喫吃週周遞递滲渗閥阀檯台臺台繫系係系裂裂殼壳勳勋塢坞湊凑滯滞潑泼燙烫爛烂牽牵獄狱瘡疮"
)


# How northern Hunan writes what it says, letter by letter: 落水哒 is 落水了, 冇气 is 没气, 呷药 is 吃药.
_DIALECT = str.maketrans({"哒": "了", "噠": "了", "冇": "没", "呷": "吃"})


def _table() -> dict[int, str | None]:
    table: dict[int, str | None] = {
        ord(a): b for a, b in zip(_TRADITIONAL[::2], _TRADITIONAL[1::2], strict=True) if a != b
    }
    table |= {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    table |= dict.fromkeys(range(0xD800, 0xE000))  # unpaired surrogates
    table |= dict.fromkeys(range(9)) | dict.fromkeys(
        (0x7F, 0xFEFF, 0x00AD, *range(0x200B, 0x2010), *range(0xFE00, 0xFE10))
    )
    table |= dict.fromkeys((12288, 160, 9, 11, 12, 13, 28, 29, 30, 31), " ")
    table |= {
        ord("；"): ";",
        ord("："): ":",
        ord("、"): ",",
        ord("—"): "-",
        ord("…"): "。",
        ord("～"): "~",
        ord("\n"): "。",
    }
    table |= {c: chr(c + 32) for c in range(65, 91)}
    table |= {c: chr(c - 0xFEE0 + 32) for c in range(0xFF21, 0xFF3B)}
    for punctuation in "，！？；：":
        table[ord(punctuation)] = {"，": ",", "！": "!", "？": "?", "；": ";", "：": ":"}[punctuation]
    return table | _DIALECT


_TABLE = _table()
_COMMON = [(c, str(_TABLE[ord(c)])) for c in "，！？、；："]
"""Stands in nearly every text, and is put right without a look at each letter."""
_ODD = re.compile(f"[{''.join(re.escape(chr(c)) for c in _TABLE)}]")
"""Whatever has another form. Most texts hold nothing of it, and that is known in a tenth of the time."""
_BLANKS = re.compile(r"(?<=[^\x00-\x7f]) +(?=[^\x00-\x7f])")


def spelled(word: str) -> str:
    """A word of a lexicon as it stands in a normalised text; its signs for patterns stay."""
    return word.lower().translate(_DIALECT)


def normalise(text: str) -> str:
    """The one form of a text. Linear in its length."""
    for wide, plain in _COMMON:
        if wide in text:
            text = text.replace(wide, plain)
    if _ODD.search(text):
        text = text.translate(_TABLE)
    return _BLANKS.sub("", text) if " " in text else text
