//! Both sides together over real sockets, one file a story.

mod floors;
mod kill;
mod story;
