//! Are the files still those that the manifest speaks of?
//!
//! Sizes are compared every time. Hashes need every byte, so a file that was found right once is not read again as long
//! as its size and modification time stay; the list of those is kept in the user's cache folder.

use std::collections::BTreeMap;

use datagen::{FileEntry, FileHasher, Manifest};
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::dataset::show;
use super::{DataError, DataUrl};
use crate::paths::Remembered;

/// How many files are read together; more would only compete for the disk.
const FILES_AT_ONCE: usize = 2;

/// Compares sizes, and hashes if wanted; the first difference is the error.
pub(super) async fn check_files(
    url: &DataUrl,
    listing: &[ObjectMeta],
    manifest: &Manifest,
    verify_hashes: bool,
) -> Result<(), DataError> {
    let prefix = url.prefix()?;
    let mut to_read = Vec::new();
    for entry in manifest.tables.values().flat_map(|table| &table.files) {
        let wanted = prefix.parts().chain(object_store::path::Path::from(entry.path.as_str()).parts()).collect();
        let changed = |message: String| DataError::Changed { file: show(url, &wanted), message };
        // The listing is sorted, and long where tables are partitioned.
        let Ok(index) = listing.binary_search_by(|object| object.location.cmp(&wanted)) else {
            return Err(changed("it is not there".to_owned()));
        };
        let object = &listing[index];
        if object.size != entry.bytes {
            return Err(changed(format!("it has {} bytes instead of {}", object.size, entry.bytes)));
        }
        to_read.push((object, entry));
    }
    if verify_hashes { check_hashes(url, to_read).await } else { Ok(()) }
}

/// How many of the manifest's files were found right before and have not changed since, and how many there are.
pub(super) fn count_known(
    url: &DataUrl,
    listing: &[ObjectMeta],
    manifest: &Manifest,
) -> Result<(usize, usize), DataError> {
    let prefix = url.prefix()?;
    let known = Known::load();
    let (mut verified, mut all) = (0, 0);
    for entry in manifest.tables.values().flat_map(|table| &table.files) {
        let wanted = prefix.parts().chain(object_store::path::Path::from(entry.path.as_str()).parts()).collect();
        let object = listing.iter().find(|object| object.location == wanted);
        all += 1;
        verified += usize::from(object.is_some_and(|object| known.contains(url, object, entry)));
    }
    Ok((verified, all))
}

async fn check_hashes(url: &DataUrl, files: Vec<(&ObjectMeta, &FileEntry)>) -> Result<(), DataError> {
    let mut known = Known::load();
    let unknown: Vec<_> = files.into_iter().filter(|(object, entry)| !known.contains(url, object, entry)).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let store = url.store();
    let checks = unknown.iter().map(|(object, entry)| check_hash(url, store.as_ref(), object, entry));
    futures::stream::iter(checks).buffer_unordered(FILES_AT_ONCE).try_collect::<()>().await?;
    for (object, entry) in unknown {
        known.insert(url, object, entry);
    }
    known.0.save();
    Ok(())
}

async fn check_hash(
    url: &DataUrl,
    store: &dyn ObjectStore,
    object: &ObjectMeta,
    entry: &FileEntry,
) -> Result<(), DataError> {
    let broken = |error: object_store::Error| DataError::BrokenFile {
        file: show(url, &object.location),
        message: error.to_string(),
    };
    let mut hasher = FileHasher::new();
    let mut chunks = store.get(&object.location).await.map_err(broken)?.into_stream();
    while let Some(chunk) = chunks.try_next().await.map_err(broken)? {
        hasher.update(&chunk);
    }
    let found = hasher.finish();
    if found == entry.hash {
        return Ok(());
    }
    let message = format!("its content was changed or damaged (hash {found} instead of {})", entry.hash);
    Err(DataError::Changed { file: show(url, &object.location), message })
}

/// A file as it is now: its place, size and modification time. As long as they stay it is not read again.
pub(super) fn state(url: &DataUrl, object: &ObjectMeta) -> String {
    let nanoseconds = object.last_modified.timestamp_nanos_opt().unwrap_or_default();
    format!("{} {} {nanoseconds}", url.object(&object.location), object.size)
}

/// Files that were found right: place, size and time to hash.
struct Known(Remembered<BTreeMap<String, String>>);

impl Known {
    fn load() -> Self {
        Self(Remembered::load("verified.json"))
    }

    fn contains(&self, url: &DataUrl, object: &ObjectMeta, entry: &FileEntry) -> bool {
        self.0.entries.get(&state(url, object)) == Some(&entry.hash)
    }

    fn insert(&mut self, url: &DataUrl, object: &ObjectMeta, entry: &FileEntry) {
        let entries = &mut self.0.entries;
        let place = format!("{} ", url.object(&object.location));
        let old = entries.range(place.clone()..).map(|(key, _)| key.clone());
        let old: Vec<_> = old.take_while(|key| key.starts_with(&place)).collect();
        old.iter().for_each(|key| drop(entries.remove(key)));
        entries.insert(state(url, object), entry.hash.clone());
    }
}
