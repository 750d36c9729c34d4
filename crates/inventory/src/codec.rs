//! Buffers of the size that inventory messages have.

use std::marker::PhantomData;

use prost::Message;
#[cfg(feature = "agent")]
use prost::bytes::Buf;
#[cfg(feature = "agent")]
use prost::bytes::Bytes;
#[cfg(feature = "agent")]
use tonic::Status;
use tonic::codec::BufferSettings;
use tonic::codec::Codec;
#[cfg(feature = "agent")]
use tonic::codec::DecodeBuf;
#[cfg(feature = "agent")]
use tonic::codec::Decoder;
use tonic_prost::ProstCodec;
use tonic_prost::ProstDecoder;
use tonic_prost::ProstEncoder;

/// What a stream keeps ready, in bytes. Most messages are a few dozen bytes; with tonic's 8 KiB each way, a hundred
/// thousand idle streams would cost three times the memory.
const BUFFER: usize = 256;
/// When what was encoded is handed on.
const YIELD: usize = 32 * 1024;

/// Protobuf as usual, with small buffers.
#[derive(Debug, Clone, Copy)]
pub struct SmallCodec<T, U>(PhantomData<(T, U)>);

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
    type Decoder = ProstDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<T, U>::raw_encoder(BufferSettings::new(BUFFER, YIELD))
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<T, U>::raw_decoder(BufferSettings::new(BUFFER, YIELD))
    }
}

/// Answers as they came, to be read one by one: one that cannot be read is then not the end of all others.
#[cfg(feature = "agent")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawCodec<T>(PhantomData<T>);

#[cfg(feature = "agent")]
impl<T> Default for RawCodec<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

#[cfg(feature = "agent")]
impl<T: Message + Send + 'static> Codec for RawCodec<T> {
    type Encode = T;
    type Decode = Bytes;
    type Encoder = ProstEncoder<T>;
    type Decoder = Self;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<T, ()>::raw_encoder(BufferSettings::new(BUFFER, YIELD))
    }

    fn decoder(&mut self) -> Self {
        Self::default()
    }
}

#[cfg(feature = "agent")]
impl<T> Decoder for RawCodec<T> {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, answer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(answer.copy_to_bytes(answer.remaining())))
    }
}
