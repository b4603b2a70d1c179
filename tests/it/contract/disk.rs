//! A disk that is full, takes no writes, or fails. Only root may make such a disk; without it these say so and pass.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::process::{Answer, Process, answer, run};

/// Room for a database and some thousand rows.
const SIZE: &str = "size=4m";

/// More orders than fit on a full disk.
const MANY: u32 = 500;

/// A small disk in memory. Unmounted with the value.
struct Disk(TempDir);

impl Disk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = mount(&["-t", "tmpfs", "-o", SIZE, "tmpfs"], folder.path());
        if !mounted {
            println!("skipped: a disk cannot be mounted here");
        }
        mounted.then_some(Self(folder))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.path("paymux.db").display())
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        let mut ballast = File::create(self.path("ballast")).unwrap();
        for chunk in [64 * 1024, 1024, 1] {
            let bytes = vec![b'x'; chunk];
            while ballast.write_all(&bytes).is_ok() {}
        }
    }

    fn free(&self) {
        fs::remove_file(self.path("ballast")).unwrap();
    }

    fn take_writes(&self, yes: bool) {
        let how = if yes { "remount,rw" } else { "remount,ro" };
        assert!(mount(&["-o", how], self.0.path()), "the disk cannot be remounted");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // At worst the folder stays.
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

fn mount(arguments: &[&str], at: &Path) -> bool {
    let mounted = Command::new("mount").args(arguments).arg(at).output();
    mounted.is_ok_and(|output| output.status.success())
}

async fn register(process: &Process, n: u32) -> Answer {
    let body = json!({
        "order_id": format!("order-{n}"), "order_name": "T-shirt", "amount": 15_000, "currency": "KRW",
        "account": "toss", "method": "card", "return_url": "http://localhost:3000/return",
    });
    let key = format!("register-{n}");
    answer(process.post("/v1/payments").header("Idempotency-Key", key).json(&body)).await
}

async fn confirm(process: &Process, id: &str, result: &Value) -> Answer {
    let body = json!({ "browser_result": result });
    answer(process.post(&format!("/v1/payments/{id}/confirm")).header("Idempotency-Key", "c").json(&body))
        .await
}

fn id_of(answer: &Answer) -> String {
    answer.expect(201, "ready")["id"].as_str().unwrap().to_owned()
}

/// How often the payment gateway was asked for money.
async fn confirms(process: &Process) -> usize {
    let calls = process.get("/_sandbox/calls").await;
    calls["toss"].as_array().unwrap().iter().filter(|call| call["call"] == "confirm").count()
}

#[track_caller]
fn assert_not_stored(answer: &Answer) {
    let problem = answer.expect(503, "storage_unavailable");
    assert_eq!(answer.header("Content-Type"), Some("application/problem+json"));
    assert_eq!(problem["retry"], "same_key");
    assert!(answer.header("Retry-After").is_some());
}

#[tokio::test]
async fn a_full_disk_acknowledges_nothing_and_loses_nothing() {
    let Some(disk) = Disk::mount() else { return };
    let mut process = Process::start_with(&[("DATABASE__URL", &disk.url())]).await;
    let id = id_of(&register(&process, 0).await);
    let result = process.control("pay", &json!({ "payment_id": id, "outcome": "approve" })).await;
    let result = result["browser_result"].clone();

    disk.fill();
    let mut stored = vec![id.clone()];
    let mut n = 0;
    let refused = loop {
        n += 1;
        assert!(n < MANY, "the disk is not full");
        let answer = register(&process, n).await;
        if answer.status != StatusCode::CREATED {
            break answer;
        }
        stored.push(id_of(&answer));
    };
    assert_not_stored(&refused);
    assert_not_stored(&confirm(&process, &id, &result).await);
    assert_eq!(confirms(&process).await, 0, "money was asked for by a row that is not stored");
    let webhook = process.request(Method::POST, "/webhooks/toss/demo-webhook-token-toss").json(&json!({}));
    assert_eq!(answer(webhook).await.status, StatusCode::SERVICE_UNAVAILABLE, "a webhook that is not stored");
    answer(process.request(Method::GET, "/healthz")).await.expect(200, "ok");
    all_there(&process, &stored).await;

    disk.free();
    stored.push(id_of(&register(&process, n).await));
    confirm(&process, &id, &result).await.expect(200, "paid");
    process.crash().await;
    all_there(&process, &stored).await;
    assert_eq!(process.get(&format!("/v1/payments/{id}")).await["status"], "paid");
}

/// What was acknowledged can be read.
async fn all_there(process: &Process, stored: &[String]) {
    for id in stored {
        assert_eq!(process.get(&format!("/v1/payments/{id}")).await["id"], id.as_str());
    }
}

#[tokio::test]
async fn a_read_only_disk_stops_the_start_and_says_so() {
    let Some(disk) = Disk::mount() else { return };
    let mut process = Process::start_with(&[("DATABASE__URL", &disk.url())]).await;
    let id = id_of(&register(&process, 0).await);
    assert!(process.terminate().await);

    disk.take_writes(false);
    let (code, said) = process.ends_at_once().await;
    assert_eq!(code, Some(1), "{said}");
    let last = said.lines().last().unwrap_or_default();
    assert!(last.contains(disk.0.path().to_str().unwrap()), "it does not say which file: {last}");
    assert!(last.contains("Read-only file system"), "it does not say why: {last}");

    disk.take_writes(true);
    process.resume().await;
    assert_eq!(process.get(&format!("/v1/payments/{id}")).await["status"], "ready");
}

#[tokio::test]
async fn read_only_folder_without_a_database_stops_the_start() {
    let Some(disk) = Disk::mount() else { return };
    let mut process = Process::start_with(&[("DATABASE__URL", &disk.url())]).await;
    assert!(process.terminate().await);
    for entry in fs::read_dir(disk.0.path()).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    disk.take_writes(false);
    let (code, said) = process.ends_at_once().await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.lines().last().unwrap_or_default().contains("Read-only file system"), "{said}");
    disk.take_writes(true);
    process.resume().await;
    id_of(&register(&process, 0).await);
}

/// A disk with a file system that turns read-only when it finds an error, as a server's usually does.
struct FailingDisk {
    disk: Disk,
    image: TempDir,
}

impl FailingDisk {
    fn mount() -> Option<Self> {
        let image = tempfile::tempdir().unwrap();
        let path = image.path().join("disk");
        File::create(&path).unwrap().set_len(32 * 1024 * 1024).unwrap();
        let made = run("mkfs.ext4", &["-q", path.to_str().unwrap()]);
        let failing = made.then(|| Self { disk: Disk(tempfile::tempdir().unwrap()), image });
        let failing = failing.filter(|failing| failing.mount_again() && failing.trigger().is_some());
        if failing.is_none() {
            println!("skipped: a file system in a file cannot be made here");
        }
        failing
    }

    fn mount_again(&self) -> bool {
        let image = self.image.path().join("disk");
        mount(&["-o", "loop,errors=remount-ro", image.to_str().unwrap()], self.disk.0.path())
    }

    /// The simulators' books: a payment gateway has its own disk, and does not lose them with ours.
    fn books(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let files = fs::read_dir(self.disk.0.path()).unwrap().map(|entry| entry.unwrap().path());
        let books = files.filter(|path| path.to_str().unwrap().contains("sandbox-"));
        books.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
    }

    /// What makes the file system report an error.
    fn trigger(&self) -> Option<File> {
        let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
        let here = self.disk.0.path().to_str()?;
        let mounted = mounts.lines().find(|line| line.split(' ').nth(1) == Some(here))?;
        let device = mounted.split(' ').next()?.trim_start_matches("/dev/");
        File::options().write(true).open(format!("/sys/fs/ext4/{device}/trigger_fs_error")).ok()
    }

    /// From now on it takes no writes, also of files that are open.
    fn fail(&self) {
        self.trigger().unwrap().write_all(b"1").unwrap();
        assert!(File::create(self.disk.path("probe")).is_err(), "it still takes writes");
    }

    /// What an operator does: take it out, have it checked, put it back.
    fn repair(&self) {
        assert!(run("umount", &[self.disk.0.path().to_str().unwrap()]), "somebody still uses it");
        // Its exit code says that it repaired something.
        run("fsck.ext4", &["-p", "-f", self.image.path().join("disk").to_str().unwrap()]);
        assert!(self.mount_again());
    }
}

#[tokio::test]
async fn failing_disk_acknowledges_nothing_and_loses_nothing() {
    let Some(failing) = FailingDisk::mount() else { return };
    let mut process = Process::start_with(&[("DATABASE__URL", &failing.disk.url())]).await;
    let id = id_of(&register(&process, 0).await);
    let result = process.control("pay", &json!({ "payment_id": id, "outcome": "approve" })).await;
    let result = result["browser_result"].clone();

    let books = failing.books();
    failing.fail();
    assert_not_stored(&register(&process, 1).await);
    assert_not_stored(&confirm(&process, &id, &result).await);
    assert_eq!(confirms(&process).await, 0, "money was asked for by a row that is not stored");
    let webhook = process.request(Method::POST, "/webhooks/toss/demo-webhook-token-toss").json(&json!({}));
    assert_eq!(answer(webhook).await.status, StatusCode::SERVICE_UNAVAILABLE, "a webhook that is not stored");
    answer(process.request(Method::GET, "/healthz")).await.expect(200, "ok");
    assert_not_stored(&answer(process.request(Method::GET, "/readyz")).await);
    all_there(&process, std::slice::from_ref(&id)).await;
    assert!(process.terminate().await, "it cannot be stopped");

    failing.repair();
    books.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
    process.resume().await;
    all_there(&process, std::slice::from_ref(&id)).await;
    id_of(&register(&process, 1).await);
    confirm(&process, &id, &result).await.expect(200, "paid");
}
