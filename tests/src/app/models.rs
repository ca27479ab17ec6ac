//! Where the browser keeps networks and text encoders.

use serde::Deserialize;
use serde_json::{Value, json};

use super::page::Page;

/// Numbers of files of models that the browser keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct ModelsKept {
    /// In the private file system.
    pub in_files: usize,
    /// In the Cache API.
    pub in_cache: usize,
    /// Bytes of the smallest file in the private file system, or 0.
    pub smallest: u64,
}

impl Page {
    /// Number of files of models that the browser keeps, and where.
    pub async fn models_kept(&self) -> ModelsKept {
        const KEPT: &str = "const answer = arguments[0];
            (async () => {
                const kept = { in_files: 0, in_cache: 0, smallest: 0 };
                if (await caches.has('segscape-models'))
                    kept.in_cache = (await (await caches.open('segscape-models')).keys()).length;
                const root = await navigator.storage.getDirectory();
                const models = await root.getDirectoryHandle('segscape-models', { create: true });
                for await (const model of models.values())
                    for await (const file of model.values()) {
                        const { size } = await file.getFile();
                        kept.in_files += 1;
                        kept.smallest = kept.in_files === 1 ? size : Math.min(kept.smallest, size);
                    }
                answer(kept);
            })()";
        let kept = self.client.execute_async(KEPT, vec![]).await;
        let kept = kept.unwrap_or_else(|error| panic!("the models are not told: {error}"));
        serde_json::from_value(kept).expect("numbers of files")
    }

    /// Keeps the models as the page did before it had a file system: in the Cache API alone.
    pub async fn keep_models_as_before(&self) {
        self.change_models("const cache = await caches.open('segscape-models');
            for await (const model of models.values()) {
                for await (const file of model.values()) {
                    const [, name, hash] = /^(.*)_sha256_([0-9a-f]+)$/.exec(file.name);
                    await cache.put(`/models/${model.name}/${name}?sha256=${hash}`, new Response(await file.getFile()));
                }
                await models.removeEntry(model.name, { recursive: true });
            }")
            .await;
    }

    /// Cuts every file of a model off after some bytes, as if the browser had ended while it wrote.
    pub async fn damage_models(&self) {
        self.change_models(
            "for await (const model of models.values())
                for await (const file of model.values()) {
                    const stream = await file.createWritable();
                    await stream.write('damaged');
                    await stream.close();
                }",
        )
        .await;
    }

    async fn change_models(&self, change: &str) {
        let script = format!(
            "const answer = arguments[0];
            (async () => {{
                const root = await navigator.storage.getDirectory();
                const models = await root.getDirectoryHandle('segscape-models');
                {change}
                answer('changed');
            }})().catch(error => answer(String(error)))"
        );
        let changed = self
            .client
            .execute_async(&script, Vec::<Value>::new())
            .await;
        let changed = changed.unwrap_or_else(|error| panic!("the models are not changed: {error}"));
        assert_eq!(changed, json!("changed"));
    }
}
