"""The fiscal platform of a province (财政非税收入收缴平台), in the platform's words. Adapters call it.

No province publishes its interface, so this speaks OUR PROFILE of what the known ones have in common; the whole of it
stands in docs/providers/fiscal.md. JSON over HTTPS POST, yuan texts with two decimals, times of Beijing, RSA-SHA256
signatures both ways over method, path, time, nonce and body digest. What differs by region is a setting.
"""
