//! The worker shares the work on a scan with an assistant, whom nobody notices: what is found is the
//! same without it, and without the end of its work.

use proofs::app::{Chip, Page, STEP, Stand, Visit, story};

/// Tells the page which kinds of messages the assistant sends.
const WATCHED: &str = "{
    const Real = self.Worker, channel = new BroadcastChannel('gpu-calls');
    const kind = message => typeof message === 'string' ? message : Object.keys(message)[0];
    self.Worker = function (url, options) {
        const assistant = new Real(url, options);
        assistant.addEventListener('message', ({ data }) => channel.postMessage({
            kind: `the assistant: ${data.Peer ? kind(data.Peer.about) : kind(data)}`,
            stage: null, at: 0, reads: 0, buffers: 0, launches: 0, submissions: 0, pipelines: 0,
        }));
        return assistant;
    };
}";

/// Lets the assistant die in the middle of its share of the decoder.
const DIES: &str = "{
    const Real = self.Worker;
    self.Worker = function (url, options) {
        const text = `import '${url}';
            const real = self.fetch, post = self.postMessage.bind(self);
            // A worker made of text has no address that others could be relative to.
            self.fetch = what => real(new URL(what, '${url}'));
            let dead = false;
            self.postMessage = (message, ...rest) => {
                if (message.Peer?.about === 'Attended' && !dead) {
                    dead = true;
                    setTimeout(() => { throw new Error('it died of this story'); });
                }
                if (!dead) post(message, ...rest);
            };`;
        return new Real(URL.createObjectURL(new Blob([text], { type: 'text/javascript' })), options);
    };
}";

const WATCHING: Visit = Visit {
    before_worker: WATCHED,
    ..Visit::DESKTOP
};
const TOGETHER: &str = "/?backend=cpu&renderer=2d";
const ALONE: &str = "/?backend=cpu&renderer=2d&assistant=none";

#[test]
fn an_assistant_finds_the_same() {
    story(async |stand| {
        let page = stand.visit(TOGETHER, WATCHING).await;
        let first = find(stand, &page).await;
        until_loaded(&page).await;
        let before = said(&page).await;
        let count =
            |said: &[String], kind: &str| said.iter().filter(|said| said.ends_with(kind)).count();
        assert_eq!(count(&before, "Fetched"), 1, "{before:?}");
        assert_eq!(find(stand, &page).await, first);
        let second = said(&page).await.split_off(before.len());
        for (kind, times) in [("Voxels", 1), ("Answers", 1), ("Fetched", 0)] {
            assert_eq!(count(&second, kind), times, "{kind}: {second:?}");
        }
        assert_eq!(page.errors().await, [] as [&str; 0]);

        // The next page has a network that is kept, and the assistant loads it before there is a scan.
        page.go(&format!("{}{TOGETHER}", stand.origin)).await;
        until_loaded(&page).await;
        assert_eq!(find(stand, &page).await, first);
        assert_eq!(count(&said(&page).await, "Voxels"), 1);

        page.go(&format!("{}{ALONE}", stand.origin)).await;
        assert_eq!(find(stand, &page).await, first);
        assert_eq!(said(&page).await, [] as [&str; 0]);
    });
}

#[test]
fn an_assistant_that_dies_costs_time_and_nothing_else() {
    story(async |stand| {
        let before_worker = format!("{DIES}{WATCHED}");
        let dying = Visit {
            before_worker: before_worker.leak(),
            ..Visit::DESKTOP
        };
        let page = stand.visit(ALONE, dying).await;
        let alone = find(stand, &page).await;
        page.go(&format!("{}{TOGETHER}", stand.origin)).await;
        until_loaded(&page).await;
        assert_eq!(find(stand, &page).await, alone);
        let voxels = async || {
            let said = said(&page).await;
            said.iter().filter(|said| said.ends_with("Voxels")).count()
        };
        assert_eq!(voxels().await, 1, "it had begun");
        assert_eq!(find(stand, &page).await, alone);
        assert_eq!(voxels().await, 1, "there is no other one");
        assert!(!page.exists("error").await);
    });
}

#[test]
fn phrases_that_are_asked_for_together_are_read_by_both() {
    story(async |stand| {
        let page = stand.visit(TOGETHER, WATCHING).await;
        find(stand, &page).await;
        let both = "a broken lamp, something one sits on";
        let alone = ask(&page, both).await;
        page.until("the assistant's text encoder", STEP * 3, async || {
            said(&page).await.iter().any(|said| said.ends_with("Reads"))
        })
        .await;
        let embedded = async || {
            let all = said(&page).await;
            all.iter().filter(|said| said.ends_with("Embedded")).count()
        };
        assert_eq!(embedded().await, 0);
        page.ask("").await;
        assert_eq!(ask(&page, both).await, alone);
        assert_eq!(embedded().await, 1);
        assert_eq!(page.errors().await, [] as [&str; 0]);
    });
}

/// Asks for phrases outside the vocabulary.
async fn ask(page: &Page, phrases: &str) -> Vec<Chip> {
    page.keys("prompt-input", phrases).await;
    page.until("the offer to look for them", STEP, async || {
        page.text("unfinished").await.contains("a broken lamp")
    })
    .await;
    page.keys("prompt-input", "\u{e007}").await; // Enter
    page.until("the answer", STEP * 3, async || {
        page.chips().await.len() == 2
    })
    .await;
    page.chips().await
}

/// Waits until the assistant has the network.
async fn until_loaded(page: &Page) {
    page.until("the assistant's network", STEP * 2, async || {
        said(page).await.iter().any(|said| said.ends_with("Loaded"))
    })
    .await;
}

/// The things in the room: their ids, names and numbers of points.
async fn find(stand: &Stand, page: &Page) -> Vec<(u32, String, u32)> {
    page.choose(&stand.room()).await;
    page.until_done().await;
    let rows = page.rows().await;
    assert!(!rows.is_empty());
    rows.into_iter()
        .map(|row| (row.id, row.name, row.points))
        .collect()
}

/// The kinds of messages that the assistant has sent, in order.
async fn said(page: &Page) -> Vec<String> {
    let calls = page.gpu_calls().await.into_iter();
    calls
        .map(|call| call.kind)
        .filter(|kind| kind.starts_with("the assistant: "))
        .collect()
}
