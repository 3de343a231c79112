"""What `make bench` measures: ratios to floors taken in the same run, on a real server and a durable PostgreSQL.

Nothing here is a test, and no test waits for a figure of it. All traffic stays on 127.0.0.1.
"""
