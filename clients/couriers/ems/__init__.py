"""China Post EMS for contract customers (中国邮政 协议客户开放平台): orders, labels, tracks, pushes."""
