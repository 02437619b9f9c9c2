"""Ways to say a password, and passwords that would be seen wherever a piece of them is told."""

FORMS = ["postgresql://alice:{}@10.9.8.7:5432/sales", "postgresql://alice:{}@10.9.8.7", "postgresql://alice:{}@10.9.8.7,10.9.8.6/sales?sslmode=require",
         "postgresql://alice:{}@/sales?host=/sockets", "postgres://alice@corp:{}@10.9.8.7/sales", "postgresql://al%40ice:{}@[::1]:5432/",
         "postgresql://alice%3A{}@10.9.8.7/sales", "postgresql://:{}@10.9.8.7/sales", "postgresql://alice:{}/sales",
         "postgresql://10.9.8.7/sales?user=alice&password={}", "postgresql://10.9.8.7/sales?password={}&user=alice",
         "host=10.9.8.7 user=alice password={} dbname=sales", "host=10.9.8.7 user=alice password='{}' dbname=sales",
         "user=alice dbname=sales password={}", "host=alice:{} user=alice dbname=sales", "host=/sockets password={}", "host=alice:{}@10.9.8.7", "host=10.9.8.7 user=alice:{}",
         "host=10.9.8.7 dbname=postgresql://alice:{}@10.9.8.7/sales",
         # What comes later has other settings in the place of those that have it.
         "postgresql://alice:{}@10.9.8.7/sales?port=5432", "postgresql://alice:{}@10.9.8.7/sales?dbname=sales&port=5432"]


def passwords():
    """Letters and digits that are nowhere else in the line, with what means something to a URI or a conninfo at each end and inside."""
    inside = [chr(code) for code in range(1, 127) if not chr(code).isalnum()]
    inside += [a + b for a in "@/:?,[]%&=' " for b in "@/:?,[]%&=' "] + ["@:1234/", "%2F", "%40", "%", "?user=", "@,", "\u00fc", "@9988:"]
    for text in inside:
        yield from (f"Xq7Kw9Zj5Vb3{text}", f"{text}Xq7Kw9Zj5Vb3", f"Xq7Kw9{text}Zj5Vb3", f"Xq7K{text}w9Zj{text}5Vb3", f"73619{text}Zj5Vb3")
