from tests.textbook.agreement import one_thread as one_thread
