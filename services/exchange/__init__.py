"""Exchange (部门系统对接): department systems read cases, act on them and hear of them, each request signed."""
