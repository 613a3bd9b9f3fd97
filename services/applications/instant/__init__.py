"""Instant approval (智慧审批): rules on checked data grant at once or leave the case to a person; they never refuse."""
