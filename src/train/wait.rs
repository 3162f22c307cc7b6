//! Asynchronous calls where there is nothing else to do.

/// Natively there is nothing else to do meanwhile.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    pollster::block_on(future)
}
