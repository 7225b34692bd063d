//! End to end.

mod floors;
