"""WeChat in WeChat's words: the mini-program server API, message push and WeChat Pay APIv3."""
