"""The inbound leg (申请材料寄送): originals that a case needs at the window, and how they come there."""
