//! Both sides together over real sockets, one file a story.

mod floors;
mod guide;
mod kill;
mod story;
mod tls;
