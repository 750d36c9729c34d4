//! Answers that are read one by one.

use std::marker::PhantomData;

use prost::Message;
use prost::bytes::Buf;
use prost::bytes::Bytes;
use tonic::Status;
use tonic::codec::Codec;
use tonic::codec::DecodeBuf;
use tonic::codec::Decoder;
use tonic_prost::ProstCodec;
use tonic_prost::ProstEncoder;

/// Answers as they came, to be read one by one: one that cannot be read is then not the end of all others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawCodec<T>(PhantomData<T>);

impl<T> Default for RawCodec<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T: Message + Send + 'static> Codec for RawCodec<T> {
    type Encode = T;
    type Decode = Bytes;
    type Encoder = ProstEncoder<T>;
    type Decoder = Self;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<T, ()>::default().encoder()
    }

    fn decoder(&mut self) -> Self {
        Self::default()
    }
}

impl<T> Decoder for RawCodec<T> {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, answer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(answer.copy_to_bytes(answer.remaining())))
    }
}
