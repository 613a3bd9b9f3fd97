"""Fiscal non-tax collection (财政非税收入收缴) in the payments room: 缴款码, confirmation and 财政电子票据 of bills."""
