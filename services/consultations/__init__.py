"""Consultations (咨询): threads between citizens and staff, by the platform's chat or inside the mini-program."""
