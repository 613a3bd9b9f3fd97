"""Stand-in providers (模拟平台): separate programs that speak WeChat's, Alipay's, SF's and the SMS vendors' protocols.

They import nothing of the backend and hold their own crypto code, so that agreement between the two proves something.
"""
