//! Buffers of the size that inventory messages have.

use std::any::TypeId;
use std::marker::PhantomData;

use prost::Message;
use prost::bytes::Buf;
use prost::encoding::DecodeContext;
use prost::encoding::WireType;
use prost::encoding::decode_key;
use prost::encoding::decode_varint;
use prost::encoding::skip_field;
use selfcheck_protocol::wire::proto::UpstreamInventoryOneOf;
use tonic::Status;
use tonic::codec::BufferSettings;
use tonic::codec::Codec;
use tonic::codec::DecodeBuf;
use tonic::codec::Decoder;
use tonic_prost::ProstCodec;
use tonic_prost::ProstEncoder;

/// What a stream keeps ready, in bytes. Most messages are a few dozen bytes; with tonic's 8 KiB each way, a hundred
/// thousand idle streams would cost three times the memory.
const BUFFER: usize = 256;
/// When what was encoded is handed on.
const YIELD: usize = 32 * 1024;

/// Protobuf as usual, with small buffers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SmallCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for SmallCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for SmallCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = SmallDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<T, U>::raw_encoder(BufferSettings::new(BUFFER, YIELD))
    }

    fn decoder(&mut self) -> Self::Decoder {
        SmallDecoder(PhantomData)
    }
}

/// Reads messages, of an agent's only those whose parts that are kept are small: in memory an empty element takes many times the
/// two bytes that it takes on its way.
#[derive(Debug)]
pub(crate) struct SmallDecoder<U>(PhantomData<U>);

impl<U: Message + Default + 'static> Decoder for SmallDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        let is_agents = TypeId::of::<U>() == TypeId::of::<UpstreamInventoryOneOf>();
        let is_small = |message: &DecodeBuf<'_>| {
            let (there, all) = (message.chunk(), message.remaining());
            all <= KEPT || there.len() == all && is_mostly_skipped(there) // it is always there in one piece
        };
        if is_agents && !is_small(message) {
            return Err(Status::out_of_range(format!("more than {KEPT} bytes of a message are no resource")));
        }
        let read = U::decode(message);
        read.map(Some).map_err(|error| Status::internal(format!("a message cannot be read: {error}")))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER, YIELD)
    }
}

/// The most of an agent's message that is not skipped, in bytes: all but resources.
const KEPT: usize = 16 << 10;
/// The field that has a heartbeat, and in it the one that has a self-check; what else is in one is not read.
const HEARTBEAT: u32 = 2;
const SELF_CHECK: u32 = 15_120;

/// Whether all but a little of an agent's message is not read anyway. What cannot be taken apart is for the decoder to refuse.
fn is_mostly_skipped(mut message: &[u8]) -> bool {
    let mut kept = 0;
    while let Some((field, part)) = next(&mut message) {
        if field != HEARTBEAT {
            kept += part.len();
            continue;
        }
        let mut heartbeat = part;
        while let Some((field, part)) = next(&mut heartbeat) {
            kept += if field == SELF_CHECK { part.len() } else { 0 };
        }
    }
    kept <= KEPT
}

/// The next field of a message with its bytes; none of those that have a length of their own.
fn next<'m>(message: &mut &'m [u8]) -> Option<(u32, &'m [u8])> {
    if !message.has_remaining() {
        return None;
    }
    let (field, kind) = decode_key(message).ok()?;
    if kind != WireType::LengthDelimited {
        skip_field(kind, field, message, DecodeContext::default()).ok()?;
        return Some((field, &[]));
    }
    let length = usize::try_from(decode_varint(message).ok()?).ok()?;
    Some((field, message.split_off(..length)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfcheck_protocol::wire::proto::InventoryHeartbeat;
    use selfcheck_protocol::wire::proto::UpstreamInventoryAgentMetadata;
    use selfcheck_protocol::wire::proto::upstream_inventory_one_of::Msg;
    use selfcheck_protocol::wire::teleport::selfcheck::v1 as wire;

    fn message(msg: Msg) -> Vec<u8> {
        UpstreamInventoryOneOf { msg: Some(msg) }.encode_to_vec()
    }

    fn report(findings: usize) -> Vec<u8> {
        let report =
            wire::Report { findings: vec![wire::Finding::default(); findings], ..Default::default() };
        let check = wire::UpdaterSelfCheck { report: Some(report), ..Default::default() };
        message(Msg::Heartbeat(InventoryHeartbeat { self_check: Some(check) }))
    }

    #[test]
    fn only_resources_are_large() {
        let mut resource = message(Msg::Heartbeat(InventoryHeartbeat::default()));
        // A resource of 100,000 bytes in the field 1 of the heartbeat.
        let server = [&[0x0a, 0xa0, 0x8d, 0x06][..], &vec![0xff; 100_000]].concat();
        resource.splice(1.., [0xa4, 0x8d, 0x06]);
        resource.extend(&server);
        assert!(is_mostly_skipped(&resource));
        assert!(UpstreamInventoryOneOf::decode(&*resource).is_ok(), "it is one");
        assert!(is_mostly_skipped(&report(32)));
        assert!(!is_mostly_skipped(&report(10_000)));
        // Several of one field are put together.
        assert!(!is_mostly_skipped(&report(1_000).repeat(20)));
        let os = "x".repeat(KEPT + 1);
        let metadata =
            message(Msg::AgentMetadata(UpstreamInventoryAgentMetadata { os, ..Default::default() }));
        assert!(!is_mostly_skipped(&metadata));
    }
}
