//! What the assistant itself does: it loads the network, and does its part of every scan.

use std::rc::Rc;

use burn::tensor::Device;
use segscape::{
    job::{self, Network},
    model::manifest::Manifest,
    peer::{Message, Peer, PeerError, Received},
    progress::{Cancel, Monitor, Progress},
    text::{TextEncoder, TextSpace},
};

use super::{
    NAME,
    inbox::Inbox,
    messages::{FromAssistant, ToAssistant},
};
use crate::{
    dedicated::{self, Answers, scope},
    protocol::{Bulk, Reply},
    worker::models::{self, ModelError, Offered},
};

thread_local! {
    /// What the worker sent for the request that is being answered.
    static INBOX: Rc<Inbox<Message>> = Rc::default();
}

/// `true` if this is the assistant.
pub fn is_here() -> bool {
    scope().name() == NAME
}

/// Tells the worker what the page should know.
pub fn pass_on(reply: &Reply) {
    tell(&FromAssistant::Reply(reply.clone()));
}

/// The state of the assistant.
#[derive(Default)]
pub struct Assisting {
    /// The network, and the folder that it is from.
    network: Option<(String, Network)>,
    encoder: Option<Box<dyn TextEncoder>>,
}

impl Assisting {
    async fn load_kept(&mut self) -> Result<(), ModelError> {
        // Who has no network at all need not ask for one before there is a scan.
        if models::keeps_any().await {
            let offered = models::offered().await?;
            if models::is_kept(&offered).await {
                return self.load(offered, false).await;
            }
        }
        Ok(())
    }

    async fn load(&mut self, offered: Offered, hands_over: bool) -> Result<(), ModelError> {
        let is_there = matches!(&self.network, Some((folder, _)) if *folder == offered.folder);
        if hands_over || !is_there {
            let files = models::files_of(&offered).await?;
            if hands_over {
                let handed = files.iter().map(|file| Bulk::from_slice(file)).collect();
                tell(&FromAssistant::Fetched(handed));
            }
            let network = models::load(&offered, &files, &Device::flex()).await?;
            self.network = Some((offered.folder, network));
        }
        tell(&FromAssistant::Loaded);
        Ok(())
    }

    async fn load_encoder(&mut self, space: TextSpace) -> Result<(), ModelError> {
        self.encoder = Some(models::encoder(&space).await?);
        tell(&FromAssistant::Reads(space));
        Ok(())
    }

    async fn embed(&self, phrases: &[String]) -> Result<(), String> {
        let encoder = self.encoder.as_ref().ok_or("it has no text encoder")?;
        let phrases: Vec<&str> = phrases.iter().map(String::as_str).collect();
        let vectors = encoder.embed(&phrases).await;
        let vectors = vectors.map_err(|error| error.to_string())?.concat();
        tell(&FromAssistant::Embedded(Bulk::from_slice(&vectors)));
        Ok(())
    }

    async fn assist(&self, request: Message) -> Result<(), String> {
        let (_, network) = self.network.as_ref().ok_or("it has no network")?;
        let cancel = Cancel::default(); // the worker ends this program in its place
        let report = |progress: Progress| pass_on(&Reply::Progress(progress));
        let monitor = Monitor::new(&report, &cancel);
        let inbox = INBOX.with(Rc::clone);
        job::assist(network, &TheWorker(inbox), request, &monitor)
            .await
            .map_err(|error| error.to_string())
    }
}

impl Answers for Assisting {
    type Request = ToAssistant;

    fn heard(request: ToAssistant) -> Option<ToAssistant> {
        match request {
            ToAssistant::Peer(sent) if !sent.asks() => {
                INBOX.with(|inbox| inbox.put(sent.into()));
                None
            }
            other => Some(other),
        }
    }

    async fn answer(&mut self, request: ToAssistant) {
        let answered = match request {
            // What goes wrong here goes wrong again when there is a scan, and is told then.
            ToAssistant::LoadKept => {
                drop(self.load_kept().await);
                Ok(())
            }
            ToAssistant::Load {
                folder,
                manifest,
                hands_over,
            } => match Manifest::parse(manifest.as_bytes()) {
                Ok(manifest) => self
                    .load(Offered { folder, manifest }, hands_over)
                    .await
                    .map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            },
            ToAssistant::Peer(sent) => self.assist(sent.into()).await,
            ToAssistant::LoadEncoder(space) => self
                .load_encoder(space)
                .await
                .map_err(|error| error.to_string()),
            ToAssistant::Embed(phrases) => self.embed(&phrases).await,
        };
        if let Err(reason) = answered {
            tell(&FromAssistant::Failed { reason });
        }
    }

    /// Messages before this one are not lost.
    fn listening() {}

    fn unreadable(reason: String) {
        tell(&FromAssistant::Failed { reason });
    }

    fn panicked(reason: String) {
        tell(&FromAssistant::Failed { reason });
    }
}

/// The worker, as the assistant knows it.
struct TheWorker(Rc<Inbox<Message>>);

impl Peer for TheWorker {
    fn send(&self, message: Message) {
        tell(&FromAssistant::Peer(message.into()));
    }

    fn receive(&self) -> Received<'_> {
        Box::pin(async { self.0.next().await.map_err(PeerError::Lost) })
    }
}

fn tell(message: &FromAssistant) {
    dedicated::post(message, &message.transfers());
}
