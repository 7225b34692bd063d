//! End to end.

mod floors;
mod story;
