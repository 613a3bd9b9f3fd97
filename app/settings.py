"""Settings from the environment (prefix SJT_), read once at start by run.py and handed to wiring.

Nothing else reads the environment; app/settings_faults.py says what does not fit together. `load()` collects every
fault into one SettingsError; `described()` is what `run.py doctor` prints, with secrets masked.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from app import settings_faults
from app.errors import SettingsError


def _setting(default: Any, meaning: str, *, secret: bool = False, kind: str = "text") -> Any:
    return field(default=default, metadata={"meaning": meaning, "secret": secret, "kind": kind})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting of the product; field `wechat_app_id` is read from SJT_WECHAT_APP_ID (or a file, for secrets)."""

    env: str = _setting("demo", "demo 或 production")
    host: str = _setting("127.0.0.1", "监听地址")
    port: int = _setting(8000, "监听端口")
    public_url: str = _setting("", "外部可达的地址，回调地址由它生成")
    workers: int = _setting(1, "API 进程数")
    proxies: int = _setting(0, "本服务之前可信的反向代理层数；据此从 X-Forwarded-For 取来源地址，0 为不采信")
    var: Path = _setting(Path("var"), "运行数据目录", kind="path")
    database_url: str = _setting("", "PostgreSQL 地址；空则启动内嵌数据库", secret=True)
    redis_url: str = _setting("", "Redis 地址；空则启动内嵌 Redis", secret=True)
    storage_url: str = _setting("", "文件存储 file:// 或 s3://；空则 var/files")
    token_keys: str = _setting("", "访问令牌密钥 id:base64，新者在前", secret=True)
    field_keys: str = _setting("", "字段加密密钥 id:base64，新者在前", secret=True)
    hash_key: str = _setting("", "查找用散列密钥 id:base64", secret=True)
    cipher: str = _setting("aes", "字段加密算法 aes 或 sm4")
    log_level: str = _setting("INFO", "日志级别")
    wechat_api_base: str = _setting("", "微信小程序服务端接口地址")
    wechat_app_id: str = _setting("", "微信小程序 AppID")
    wechat_app_secret: str = _setting("", "微信小程序 AppSecret", secret=True)
    wechat_push_token: str = _setting("", "微信消息推送令牌", secret=True)
    wechat_push_aes_key: str = _setting("", "微信消息推送 EncodingAESKey", secret=True)
    wechat_pay_base: str = _setting("", "微信支付接口地址")
    wechat_pay_mch_id: str = _setting("", "微信支付商户号")
    wechat_pay_serial: str = _setting("", "商户 API 证书序列号")
    wechat_pay_private_key: str = _setting("", "商户私钥 PEM 文件", kind="file")
    wechat_pay_apiv3_key: str = _setting("", "APIv3 密钥", secret=True)
    wechat_pay_public_keys: str = _setting("", "验签公钥 id=文件，可多个，逗号分隔")
    merchant_secrets: str = _setting("", "其余商户账户的密钥文件夹之所在；空则 var/keys/merchants")
    alipay_gateway: str = _setting("", "支付宝网关地址")
    alipay_app_id: str = _setting("", "支付宝小程序 AppID")
    alipay_seller_id: str = _setting("", "支付宝收款方 2088 账号")
    alipay_private_key: str = _setting("", "应用私钥 PEM 文件", kind="file")
    alipay_public_key: str = _setting("", "支付宝公钥 PEM 文件", kind="file")
    alipay_aes_key: str = _setting("", "支付宝内容加密密钥", secret=True)
    alipay_app_cert: str = _setting("", "证书模式：应用公钥证书", kind="file")
    alipay_cert: str = _setting("", "证书模式：支付宝公钥证书", kind="file")
    alipay_root_cert: str = _setting("", "证书模式：支付宝根证书", kind="file")
    sf_base: str = _setting("", "顺丰丰桥地址")
    sf_partner_id: str = _setting("", "顺丰顾客编码")
    sf_check_word: str = _setting("", "顺丰校验码", secret=True)
    sf_monthly_card: str = _setting("", "顺丰月结卡号")
    sf_push_token: str = _setting("", "顺丰路由推送路径令牌", secret=True)
    sf_oauth: str = _setting("", "顺丰 OAuth2 地址 https://sfapi.sf-express.com；空则以校验码签名")
    ems_base: str = _setting("", "EMS 协议客户开放平台地址（以 /open 或 /test 结尾）；空则不用 EMS")
    ems_sender_no: str = _setting("", "EMS 协议客户号")
    ems_authorization: str = _setting("", "EMS 授权码（测试、生产各一）", secret=True)
    ems_sign_key: str = _setting("", "EMS 签名钥匙（Base64）", secret=True)
    ems_push_token: str = _setting("", "EMS 轨迹推送路径令牌", secret=True)
    kuaidi100_base: str = _setting("", "快递100地址 https://poll.kuaidi100.com；空则不用快递100")
    kuaidi100_key: str = _setting("", "快递100授权码 key", secret=True)
    kuaidi100_customer: str = _setting("", "快递100查询公司编号 customer")
    kuaidi100_secret: str = _setting("", "快递100下单、打印 secret", secret=True)
    kuaidi100_salt_key: str = _setting("", "生成每件快递推送签名 salt 的密钥", secret=True)
    kuaidi100_push_token: str = _setting("", "快递100推送路径令牌", secret=True)
    kuaidi100_label_template: str = _setting("", "快递100电子面单模板；空则由本系统绘制面单")
    kdniao_base: str = _setting("", "快递鸟地址 https://api.kdniao.com；空则不用快递鸟")
    kdniao_business_id: str = _setting("", "快递鸟用户 ID")
    kdniao_app_key: str = _setting("", "快递鸟 AppKey", secret=True)
    kdniao_push_token: str = _setting("", "快递鸟轨迹推送路径令牌", secret=True)
    sms_provider: str = _setting("aliyun", "短信服务商 aliyun 或 tencent")
    sms_sign_name: str = _setting("三晋通", "短信签名")
    sms_push_token: str = _setting("", "短信回执路径令牌", secret=True)
    aliyun_sms_base: str = _setting("", "阿里云短信地址")
    aliyun_sms_access_key_id: str = _setting("", "阿里云 AccessKeyId")
    aliyun_sms_access_key_secret: str = _setting("", "阿里云 AccessKeySecret", secret=True)
    tencent_sms_base: str = _setting("", "腾讯云短信地址")
    tencent_sms_secret_id: str = _setting("", "腾讯云 SecretId")
    tencent_sms_secret_key: str = _setting("", "腾讯云 SecretKey", secret=True)
    tencent_sms_sdk_app_id: str = _setting("", "腾讯云短信应用 ID")
    fiscal_base: str = _setting("", "财政非税收缴平台地址")
    fiscal_app_id: str = _setting("", "非税平台分配的应用标识")
    fiscal_region: str = _setting("140000", "非税平台所属行政区划（AdmDivCode，6 位）")
    fiscal_private_key: str = _setting("", "非税平台应用私钥 PEM 文件", kind="file")
    fiscal_public_key: str = _setting("", "非税平台公钥 PEM 文件，换钥期间可含多个", kind="file")
    fiscal_code_length: int = _setting(20, "本区划缴款码位数，16 至 20")
    fiscal_paid_status: str = _setting("1", "非税平台表示已缴的状态值")
    seal_base: str = _setting("", "电子印章平台地址；空则证照不加盖电子印章")
    seal_app_id: str = _setting("", "电子印章平台分配的应用标识")
    seal_secret: str = _setting("", "电子印章平台应用密钥", secret=True)
    seal_public_key: str = _setting("", "电子印章平台验签公钥 PEM 文件，换钥期间可含多个", kind="file")
    ofd_base: str = _setting("", "版式转换服务地址（PDF 转 OFD）；空则不提供 OFD")
    licence_show_level: str = _setting("L2", "出示证照所需的最低实名等级 L2 或 L3")
    presentation_seconds: int = _setting(120, "亮证码有效期（秒），60 至 300")
    register_base: str = _setting("", "市场主体登记核验接口地址；空则不能绑定企业")
    register_app_id: str = _setting("", "登记核验接口分配的应用标识")
    register_secret: str = _setting("", "登记核验接口签名密钥", secret=True)
    representation_level: str = _setting("L2", "绑定企业、授予与接受授权所需的实名等级 L2 或 L3")
    representative_days: int = _setting(180, "登记机关对法定代表人的确认有效天数，逾期须重新核验")
    mandate_days: int = _setting(365, "授权委托的最长天数")
    sim_port: int = _setting(8100, "模拟器控制端口，其后各端口依次为各服务商")
    upload_limit_bytes: int = _setting(10_485_760, "单个上传文件上限（字节）")
    draft_days: int = _setting(90, "无人改动的草稿保留天数，到期前七天通知")
    later_days: int = _setting(10, "容缺受理的材料在受理后补交的期限（工作日）")
    material_days: int = _setting(180, "此前办件的材料可以沿用的天数，自上传之日起")
    clamav_address: str = _setting("", "病毒扫描 clamd 地址 tcp://主机:端口 或 unix:///路径；空则不扫描")
    payment_expiry_seconds: int = _setting(1800, "支付单有效期（秒）")
    payment_sweep_seconds: int = _setting(5, "支付单无回调后首次询问的间隔（秒）")
    refund_approval_fen: int = _setting(50_000, "一笔支付累计退款达到此金额（分）须由第二人审核；0 为每笔都须审核")
    campaign_approval_size: int = _setting(1_000, "群发人数超过此数须由第二人审核；0 为每次都须审核")
    notice_rate_wechat: int = _setting(500, "每秒向微信发送订阅消息的上限（所有进程合计）；0 为不限")
    notice_rate_alipay: int = _setting(200, "每秒向支付宝发送消息的上限（所有进程合计）；0 为不限")
    notice_rate_sms: int = _setting(100, "每秒发送短信的上限（所有进程合计）；0 为不限")
    notice_sms_per_day: int = _setting(10, "每个手机号每日短信上限，法定和紧急通知不计；0 为不限")
    notice_months: int = _setting(24, "消息及其发送记录保留多少个整月，1 至 600")
    notice_test_phones: str = _setting("", "接收模板测试消息的手机号，逗号分隔，最多5个；须已在小程序绑定", secret=True)
    delivery_address_days: int = _setting(180, "快递结束多少天后清除收件信息，30 至 3650")
    delivery_event_days: int = _setting(730, "快递轨迹保留天数，期满按月清除；不少于收件信息的保留天数")
    card_yellow_percent: int = _setting(20, "剩余工作日不多于此百分比时发黄牌、向群众提示即将到期")
    card_yellow_days: int = _setting(1, "剩余工作日不多于此天数时一律发黄牌")
    rating_contact_days: int = _setting(1, "差评须在几个工作日内联系评价人")
    rating_correct_days: int = _setting(5, "差评一般情形须在几个工作日内整改反馈")
    rating_complex_days: int = _setting(15, "差评复杂情形、申诉须在几个工作日内整改反馈")
    rating_days: int = _setting(180, "办结后多少日内可以评价")
    rating_supplement_days: int = _setting(30, "评价后多少日内可以追加评价")
    consultation_months: int = _setting(24, "咨询记录保留多少个月，自最后一次往来起")
    login_rate: str = _setting("600/minute", "每来源群众登录频率上限（手机网络中许多人共用一个地址）")
    staff_login_rate: str = _setting("30/minute", "每来源工作人员登录频率上限")
    staff_idle_minutes: int = _setting(15, "工作人员无操作多少分钟后须重新登录，5 至 60")
    staff_session_hours: int = _setting(10, "工作人员一次登录的最长时间（小时），1 至 24")
    staff_password_days: int = _setting(90, "工作人员密码有效天数，到期须更换；0 为不过期")
    citizen_rate: str = _setting("600/minute", "每人写操作频率上限")

    @property
    def is_demo(self) -> bool:
        """Tell whether this is the demonstration mode (embedded engines, simulators, made-up people)."""
        return self.env == "demo"

    @property
    def merchant_secrets_folder(self) -> Path:
        """Return where the folders of key references lie, one for each (see docs/operations.md)."""
        return Path(self.merchant_secrets) if self.merchant_secrets else self.var / "keys" / "merchants"

    @property
    def notice_test_phone_list(self) -> tuple[str, ...]:
        """The phones that get test messages of templates."""
        return tuple(phone.strip() for phone in self.notice_test_phones.split(",") if phone.strip())

    @property
    def base_url(self) -> str:
        """Return the outside address without a trailing slash."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    def simulated(self) -> tuple[str, ...]:
        """Name the providers that the simulators stand in for (their base address is the simulator's)."""
        ports = {
            "wechat": (self.wechat_api_base, 1),
            "wechat_pay": (self.wechat_pay_base, 2),
            "alipay": (self.alipay_gateway, 3),
            "sf": (self.sf_base, 4),
            "ems": (self.ems_base, 5),
            "kuaidi100": (self.kuaidi100_base, 6),
            "kdniao": (self.kdniao_base, 12),
            "sms": (self.aliyun_sms_base if self.sms_provider == "aliyun" else self.tencent_sms_base, 7),
            "fiscal": (self.fiscal_base, 8),
            "register": (self.register_base, 11),
            "seal": (self.seal_base, 9),
        }
        return tuple(
            name
            for name, (base, offset) in ports.items()
            if base.startswith(f"http://127.0.0.1:{self.sim_port + offset}")
        )


def load(environ: Mapping[str, str] | None = None, defaults: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Args:
        environ: variables to read (default: the process environment).
        defaults: values for variables that are not set, as demo mode makes them (`SJT_...` → text).

    Raises:
        SettingsError: naming every fault at once.
    """
    source = dict(defaults or {}) | dict(os.environ if environ is None else environ)
    faults: list[str] = []
    values = {f.name: _read(f.name, f.metadata, f.default, source, faults) for f in fields(Settings)}
    if faults:
        raise SettingsError("；".join(faults))
    settings = Settings(**values)
    faults = settings_faults.faults_of(settings)
    if faults:
        raise SettingsError("；".join(faults))
    return settings


def described(settings: Settings) -> list[tuple[str, str, str]]:
    """List (name, shown value, meaning) for people; secrets are masked."""
    rows = []
    for f in fields(Settings):
        value = str(getattr(settings, f.name))
        shown = ("已设置" if value else "未设置") if f.metadata["secret"] else value or "—"
        rows.append((f"SJT_{f.name.upper()}", shown, f.metadata["meaning"]))
    return rows


def _read(name: str, meta: Mapping[str, Any], default: Any, source: Mapping[str, str], faults: list[str]) -> Any:
    variable = f"SJT_{name.upper()}"
    text = source.get(variable)
    file_name = source.get(f"{variable}_FILE") if meta["secret"] else None
    if file_name:
        try:
            text = Path(file_name).read_text(encoding="utf-8").strip()
        except OSError:
            faults.append(f"{variable}_FILE 指向的文件无法读取")
            return default
    if text is None or text == "":
        return default
    if isinstance(default, int):
        if not text.isdigit():
            faults.append(f"{variable} 应为非负整数")
            return default
        return int(text)
    return Path(text) if meta["kind"] == "path" else text
