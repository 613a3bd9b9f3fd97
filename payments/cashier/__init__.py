"""What a cashier looks at: orders by many marks, and everything that is known of one."""
