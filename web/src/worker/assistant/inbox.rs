//! Messages in order of arrival, for one reader that waits for the next one.

use std::{
    cell::RefCell,
    collections::VecDeque,
    future::poll_fn,
    task::{Poll, Waker},
};

/// What has arrived so far.
pub struct Inbox<T>(RefCell<Arrived<T>>);

struct Arrived<T> {
    messages: VecDeque<T>,
    /// Why no more messages come.
    ended: Option<String>,
    /// Whoever waits for a message.
    reader: Option<Waker>,
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        Self(RefCell::new(Arrived {
            messages: VecDeque::new(),
            ended: None,
            reader: None,
        }))
    }
}

impl<T> Inbox<T> {
    /// Adds a message, unless there was an end.
    pub fn put(&self, message: T) {
        let mut arrived = self.0.borrow_mut();
        if arrived.ended.is_none() {
            arrived.messages.push_back(message);
        }
        let reader = arrived.reader.take();
        drop(arrived);
        reader.into_iter().for_each(Waker::wake);
    }

    /// Says why no more messages come; the first reason stays.
    pub fn end(&self, reason: String) {
        let mut arrived = self.0.borrow_mut();
        arrived.ended.get_or_insert(reason);
        let reader = arrived.reader.take();
        drop(arrived);
        reader.into_iter().for_each(Waker::wake);
    }

    /// Takes the next message, as soon as there is one.
    ///
    /// # Errors
    /// The reason why none comes any more, once all that came before are taken.
    pub async fn next(&self) -> Result<T, String> {
        poll_fn(|context| {
            let mut arrived = self.0.borrow_mut();
            if let Some(message) = arrived.messages.pop_front() {
                return Poll::Ready(Ok(message));
            }
            if let Some(reason) = &arrived.ended {
                return Poll::Ready(Err(reason.clone()));
            }
            arrived.reader = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use segscape::platform;
    use wasm_bindgen_futures::spawn_local;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    async fn messages_come_in_order_and_before_the_end() {
        let inbox = Inbox::default();
        inbox.put(1);
        inbox.put(2);
        inbox.end("gone".into());
        inbox.put(3);
        inbox.end("gone again".into());
        assert_eq!(inbox.next().await, Ok(1));
        assert_eq!(inbox.next().await, Ok(2));
        assert_eq!(inbox.next().await, Err("gone".into()));
        assert_eq!(inbox.next().await, Err("gone".into()));
    }

    #[wasm_bindgen_test]
    async fn a_reader_wakes_by_a_message_and_by_the_end() {
        let inbox = Rc::new(Inbox::default());
        let writer = Rc::clone(&inbox);
        spawn_local(async move {
            platform::yield_now().await;
            writer.put(1);
            platform::yield_now().await;
            writer.end("gone".into());
        });
        assert_eq!(inbox.next().await, Ok(1));
        assert_eq!(inbox.next().await, Err("gone".into()));
    }
}
