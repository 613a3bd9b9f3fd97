"""Tasks (寄送异常): what a person must settle about a parcel, opened and closed with its course."""
