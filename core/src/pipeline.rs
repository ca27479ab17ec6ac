//! The whole way from bytes to named instances: the only module that knows the order.
