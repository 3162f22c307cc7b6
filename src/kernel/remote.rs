//! On devices that another process hosts: plain operations of Burn, sent one by one.

use super::Kernels;

impl Kernels for burn::backend::Remote {}
