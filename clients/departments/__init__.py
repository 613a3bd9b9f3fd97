"""Department systems (部门业务系统) as receivers of our events; the same signed profile as theirs to us."""
