"""English words for what the code says in Chinese only: meanings of settings, titles of diagrams. Data for generate.py.

A name that is missing here is shown with the Chinese words of the code, so nothing is ever left out of a page.
"""

SETTING_GROUPS = (
    ("Process", "运行", "env host port public_url proxies workers var log_level"),
    ("Engines", "数据库、Redis 与文件", "database_url redis_url storage_url"),
    ("Keys", "密钥", "token_keys field_keys hash_key cipher"),
    ("WeChat mini-program", "微信小程序", "wechat_api wechat_app wechat_push"),
    ("WeChat Pay", "微信支付", "wechat_pay"),
    ("Alipay", "支付宝", "alipay"),
    ("SF Express", "顺丰", "sf"),
    ("SMS", "短信", "sms aliyun tencent"),
    ("Simulators", "模拟器", "sim"),
    ("Limits and times", "限额与时间", "upload payment login citizen"),
)
"""English title, Chinese title, beginnings of the field names; a later group loses to an earlier one."""

OTHER_GROUP = ("Other", "其他")

SETTINGS = {
    "env": "`demo` or `production`",
    "host": "Address to listen on",
    "port": "Port to listen on",
    "public_url": "Address reachable from outside; callback addresses are made from it",
    "proxies": "Trusted reverse proxies in front; callers' addresses come from `X-Forwarded-For` then",
    "workers": "Number of API processes",
    "var": "Folder of run-time data",
    "database_url": "PostgreSQL; empty starts the embedded one (demo only)",
    "redis_url": "Redis; empty starts the embedded one (demo only)",
    "storage_url": "File store, `file://` or `s3://`; empty is `var/files` (demo only)",
    "token_keys": "Keys of access tokens, `id:base64`, newest first",
    "field_keys": "Keys of field encryption, `id:base64`, newest first",
    "hash_key": "Key of the look-up hashes and of the audit chain, `id:base64`",
    "cipher": "Field encryption of new values: `aes` or `sm4`",
    "log_level": "Log level",
    "wechat_api_base": "Server API of the WeChat mini-program",
    "wechat_app_id": "AppID of the WeChat mini-program",
    "wechat_app_secret": "AppSecret of the WeChat mini-program",
    "wechat_push_token": "Token of WeChat's message push",
    "wechat_push_aes_key": "EncodingAESKey of WeChat's message push",
    "wechat_pay_base": "WeChat Pay API",
    "wechat_pay_mch_id": "Merchant number at WeChat Pay",
    "wechat_pay_serial": "Serial number of our own API certificate",
    "wechat_pay_private_key": "PEM file of our merchant private key",
    "wechat_pay_apiv3_key": "APIv3 key (32 bytes)",
    "wechat_pay_public_keys": "Keys that sign answers and callbacks: `id=file`, several separated by commas",
    "alipay_gateway": "Alipay's gateway",
    "alipay_app_id": "AppID of the Alipay mini-program",
    "alipay_seller_id": "The 2088 account that collects",
    "alipay_private_key": "PEM file of our application private key",
    "alipay_public_key": "PEM file of Alipay's public key (public-key mode)",
    "alipay_aes_key": "Content encryption key, base64 of 16 bytes",
    "alipay_app_cert": "Certificate mode: our application certificate",
    "alipay_cert": "Certificate mode: Alipay's certificate",
    "alipay_root_cert": "Certificate mode: Alipay's root bundle",
    "sf_base": "SF's open platform (丰桥)",
    "sf_partner_id": "Customer code (顾客编码)",
    "sf_check_word": "Check word (校验码)",
    "sf_monthly_card": "Monthly account that pays the freight (月结卡号)",
    "sf_push_token": "Secret part of the address for SF's route pushes",
    "sms_provider": "`aliyun` or `tencent`",
    "sms_sign_name": "SMS signature (短信签名)",
    "sms_push_token": "Secret part of the address for delivery receipts",
    "aliyun_sms_base": "Alibaba Cloud SMS endpoint",
    "aliyun_sms_access_key_id": "AccessKeyId",
    "aliyun_sms_access_key_secret": "AccessKeySecret",
    "tencent_sms_base": "Tencent Cloud SMS endpoint",
    "tencent_sms_secret_id": "SecretId",
    "tencent_sms_secret_key": "SecretKey",
    "tencent_sms_sdk_app_id": "SMS application id",
    "sim_port": "Control port of the simulators; each provider has one of the ports after it",
    "upload_limit_bytes": "Largest uploaded file (bytes)",
    "payment_expiry_seconds": "Life of a channel order (seconds)",
    "payment_sweep_seconds": "Silence after which an order is first asked about (seconds)",
    "login_rate": "Sign-ins of citizens per network address (many phones share one)",
    "staff_login_rate": "Sign-ins of staff per network address",
    "citizen_rate": "Writes per person",
}

DIAGRAMS = {
    "services.applications.states.TRANSITIONS": (
        "Application (办件)",
        "What citizens, staff and the house itself do to a case.",
    ),
    "services.applications.states.FORCED": (
        "Application: forced corrections (更正)",
        "Separate, named edges for an administrator; each one is audited and told to the citizen.",
    ),
    "payments.states.BILL": ("Bill (缴款通知)", "PAID means that the money is at the channel."),
    "payments.states.PAYMENT": (
        "Channel order (渠道订单)",
        "A bill has at most one that is CREATED or AWAITING. A late success on a closed order is still money.",
    ),
    "payments.states.REFUND": ("Refund (退款)", "ABNORMAL waits for a person."),
    "services.licences.states.TRANSITIONS": ("Licence (电子证照)", "Only a VALID licence can be shown."),
    "services.delivery.states.MEANINGS": (
        "Parcel (快递)",
        "A state is never commanded: it follows from all the courier's events, by event time. Hence no edges.",
    ),
}
"""Transition table → title and one sentence; tables that are not listed get their own name as title."""
