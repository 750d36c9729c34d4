//! More connections than anybody needs, of those who are known and of those who are not.

use std::io;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use futures_util::future::join;
use futures_util::future::join_all;
use selfcheck_tests::wire::bare::Bare;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpSocket;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::tcp::OwnedWriteHalf;

use crate::Pace;
use crate::arena::Arena;
use crate::witness::descriptors;
use crate::witness::join_at;

const MANY: usize = 1000;

/// How a ClientHello begins that never ends: a record of TLS with its type, version and length, and a little of it.
const BEGINNING: [u8; 9] = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc];

pub(crate) async fn one_identity(arena: &Arena, pace: Pace) -> Result<String, String> {
    let identity = arena.agent("bad");
    let all = join_all((0..MANY).map(async |_| {
        let tcp = connect(arena.address, ELSEWHERE).await?;
        Bare::over(tcp, &identity).await
    }));
    let all = all.await;
    tokio::time::sleep(pace.lasts).await;
    let connected = all.iter().filter(|connection| connection.is_ok()).count();
    Ok(format!("{connected} of {MANY} handshakes went through"))
}

/// Where those come from who are not the witness.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Connects from an address of this host.
async fn connect(to: SocketAddr, from: Ipv4Addr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    socket.connect(to).await
}

/// Connects, says `words`, and waits until it is sent away. Whether that came.
async fn stranger(address: SocketAddr, from: Ipv4Addr, words: &[u8], lasts: Duration) -> bool {
    let Ok(mut tcp) = connect(address, from).await else { return true };
    let _ = tcp.write_all(words).await; // it may be closed already
    tokio::time::timeout(lasts, tcp.read(&mut [0; 64])).await.is_ok()
}

/// Many strangers. How many of them were sent away.
async fn strangers_of(arena: &Arena, from: &[Ipv4Addr], words: &[u8], lasts: Duration) -> usize {
    let all = from.iter().cycle().take(MANY);
    let gone = join_all(all.map(|from| stranger(arena.address, *from, words, lasts))).await;
    gone.into_iter().filter(|gone| *gone).count()
}

async fn strangers(
    arena: &Arena,
    from: &[Ipv4Addr],
    words: &[u8],
    lasts: Duration,
) -> Result<String, String> {
    let gone =
        join_all(from.iter().cycle().take(MANY).map(|from| stranger(arena.address, *from, words, lasts)))
            .await;
    let gone = gone.into_iter().filter(|gone| *gone).count();
    // Some may never have been taken, and nobody tells them. None of them may still be held.
    let held = descriptors(arena.process());
    let words = format!("{gone} of {MANY} sent away, {held} fds afterwards");
    if held <= IDLE { Ok(words) } else { Err(words) }
}

/// They have five seconds, so they are waited for a little longer.
const HANDSHAKE: Duration = Duration::from_secs(8);
/// The most descriptors of an auth server with a witness and nobody else.
const IDLE: usize = 24;

pub(crate) async fn silent(arena: &Arena, _: Pace) -> Result<String, String> {
    strangers(arena, &[ELSEWHERE], &[], HANDSHAKE).await
}

/// From so many addresses that their shares are more than all places.
pub(crate) async fn from_everywhere(arena: &Arena, _: Pace) -> Result<String, String> {
    let from: Vec<_> = (1..=250).map(|last| Ipv4Addr::new(127, 0, 1, last)).collect();
    strangers(arena, &from, &[], HANDSHAKE).await
}

pub(crate) async fn half_a_handshake(arena: &Arena, _: Pace) -> Result<String, String> {
    strangers(arena, &[ELSEWHERE], &BEGINNING, HANDSHAKE).await
}

pub(crate) async fn restless(arena: &Arena, pace: Pace) -> Result<String, String> {
    let began = Instant::now();
    let again = (0..MANY).map(async |number| {
        let mut came = 0;
        while began.elapsed() < pace.lasts {
            let words: &[u8] = if number % 2 == 0 { &[] } else { &BEGINNING };
            stranger(arena.address, ELSEWHERE, words, pace.lasts).await;
            came += 1;
        }
        came
    });
    let came: usize = join_all(again).await.into_iter().sum();
    Ok(format!("they came {came} times"))
}

pub(crate) async fn both(arena: &Arena, pace: Pace) -> Result<String, String> {
    let unknown = strangers_of(arena, &[ELSEWHERE], &[], HANDSHAKE);
    let (known, gone) = join(one_identity(arena, pace), unknown).await;
    Ok(format!("{}; {gone} of {MANY} strangers sent away", known?))
}

/// Who has a certificate of their own has places of their own, whatever name they share.
pub(crate) async fn administrators(arena: &Arena, _: Pace) -> Result<String, String> {
    let one = arena.administrator("one");
    let crowd = join_all((0..100).map(|_| Bare::to(arena.address, &one))).await;
    let identity = selfcheck_protocol::IdentityFile::read(&arena.administrator("two")).expect("an identity");
    let client = selfcheck_reporter::AuthClient::connect(&arena.server(), &identity).await;
    let answer = client.map_err(|error| error.to_string())?.summary().await;
    drop(crowd);
    answer.map(|_| "another one is served".to_owned()).map_err(|error| error.to_string())
}

/// How long a message of an agent far away takes, each way.
const FAR: Duration = Duration::from_millis(60);

/// Passes on what goes to the auth server and what comes from it, as over a long way; where that is.
async fn far_away(arena: &Arena) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listening");
    let (address, server) = (listener.local_addr().expect("an address"), arena.address);
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let Ok(far) = connect(server, Ipv4Addr::new(127, 0, 0, 3)).await else { continue };
            let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
            tokio::spawn(slowly(near_read, far_write));
            tokio::spawn(slowly(far_read, near_write));
        }
    });
    address
}

async fn slowly(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let mut bytes = [0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        tokio::time::sleep(FAR).await;
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

/// They say a little now and then, and come again when they are sent away; meanwhile agents that are far away join.
pub(crate) async fn dribbling(arena: &Arena, pace: Pace) -> Result<String, String> {
    let began = Instant::now();
    let strangers = (0..520).map(async |number: u32| {
        let from = Ipv4Addr::new(127, 0, 2, u8::try_from(number % 5 + 1).expect("small"));
        let mut came = 0;
        while began.elapsed() < pace.lasts {
            came += 1;
            let Ok(mut tcp) = connect(arena.address, from).await else { continue };
            for byte in BEGINNING.iter().chain(std::iter::repeat_n(&0, 500)) {
                tokio::time::sleep(Duration::from_millis(50)).await;
                if began.elapsed() > pace.lasts || tcp.write_all(&[*byte]).await.is_err() {
                    break;
                }
            }
        }
        came
    });
    let address = far_away(arena).await.to_string();
    let agents: Vec<_> =
        (0..8).map(|number| (format!("far-{number}"), arena.agent(&format!("far-{number}")))).collect();
    let joining = async {
        let (mut tried, mut joined) = (0, 0);
        while began.elapsed() < pace.lasts {
            let (name, identity) = &agents[tried % agents.len()];
            joined += usize::from(join_at(&address, identity, name).await.is_ok());
            tried += 1;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        (tried, joined)
    };
    let (came, (tried, joined)) = join(join_all(strangers), joining).await;
    let came: usize = came.into_iter().sum();
    let words = format!("{joined} of {tried} agents far away joined beside strangers who came {came} times");
    if joined == tried && tried > 0 { Ok(words) } else { Err(words) }
}
