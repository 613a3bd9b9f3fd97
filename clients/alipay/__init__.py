"""Alipay's open platform (支付宝开放平台), gateway protocol v2, in Alipay's own words; amounts go in and out as fen.

Adapters and callback doors call these modules. The vendor SDK serves only for its request and model classes.
"""
