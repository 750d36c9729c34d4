//! The messages, byte by byte. The expected bytes are written out by hand from the numbers and types of the protocol.

use prost::Message;
use selfcheck_protocol::Report;
use selfcheck_protocol::wire::proto as wire;
use selfcheck_protocol::wire::proto::downstream_inventory_one_of::Msg as Down;
use selfcheck_protocol::wire::proto::upstream_inventory_one_of::Msg as Up;
use selfcheck_protocol::wire::teleport::selfcheck::v1 as selfcheck;
use selfcheck_protocol::wire::types;

use super::MASKED;
use super::status;

/// Bytes as hexadecimal digits, without the spaces that group them.
fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<_> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).expect("a byte")).collect()
}

/// That `message` is written as `hex` says, and read from it.
fn is_written<M: Message + Default + PartialEq + std::fmt::Debug>(message: &M, hex: &str) {
    assert_eq!(message.encode_to_vec(), bytes(hex), "{message:?}");
    assert_eq!(M::decode(bytes(hex).as_slice()).expect("readable"), *message);
}

fn up(message: Up) -> wire::UpstreamInventoryOneOf {
    wire::UpstreamInventoryOneOf { msg: Some(message) }
}

#[test]
fn what_an_agent_says() {
    let hello = wire::UpstreamInventoryHello {
        version: "1".to_owned(),
        server_id: "2".to_owned(),
        services: vec!["3".to_owned(), "4".to_owned()],
        hostname: "5".to_owned(),
        external_upgrader: "6".to_owned(),
        external_upgrader_version: "7".to_owned(),
        updater_info: Some(types::UpdaterV2Info {
            update_group: "8".to_owned(),
            update_uuid: vec![9],
            updater_status: types::UpdaterStatus::Unreadable.into(),
        }),
    };
    let fields = "0a0131 120132 1a0133 1a0134 220135 2a0136 320137 4208 0a0138 120109 1804";
    is_written(&up(Up::Hello(hello)), &format!("0a1f {fields}"));
    let pong = wire::UpstreamInventoryPong {
        id: 300,
        system_clock: Some(prost_types::Timestamp { seconds: 1, nanos: 2 }),
    };
    is_written(&up(Up::Pong(pong)), "1a09 08ac02 1204 0801 1002");
    let metadata = wire::UpstreamInventoryAgentMetadata {
        os: "1".to_owned(),
        os_version: "2".to_owned(),
        host_architecture: "3".to_owned(),
        glibc_version: "4".to_owned(),
        install_methods: vec!["5".to_owned()],
        container_runtime: "6".to_owned(),
        container_orchestrator: "7".to_owned(),
        cloud_environment: "8".to_owned(),
    };
    is_written(
        &up(Up::AgentMetadata(metadata)),
        "2218 0a0131 120132 1a0133 220134 2a0135 320136 3a0137 420138",
    );
    let goodbye = wire::UpstreamInventoryGoodbye { delete_resources: true, soft_reload: true };
    is_written(&up(Up::Goodbye(goodbye)), "2a04 0801 1001");
    let stop = wire::UpstreamInventoryStopHeartbeat { kind: 1, name: "2".to_owned() };
    is_written(&up(Up::StopHeartbeat(stop)), "3205 0801 120132");
}

#[test]
fn the_beat_of_an_unchanged_status_has_at_most_32_bytes_with_all_framing() {
    let check = selfcheck::UpdaterSelfCheck { sequence: 100_000, last_run: 1_795_000_000, report: None };
    let beat = up(Up::Heartbeat(wire::InventoryHeartbeat { self_check: Some(check) }));
    // Field 15120, as bytes: 15120 * 8 + 2 = 120962.
    is_written(&beat, "120e 82b107 0a 08a08d06 10c08df6d706");
    let (grpc, http2) = (5, 9);
    assert!(beat.encoded_len() + grpc + http2 <= 32, "{}", beat.encoded_len() + grpc + http2);
}

#[test]
fn what_an_agent_is_told() {
    let down = |message| wire::DownstreamInventoryOneOf { msg: Some(message) };
    let hello = wire::DownstreamInventoryHello {
        version: "1".to_owned(),
        server_id: "2".to_owned(),
        capabilities: Some(wire::downstream_inventory_hello::SupportedCapabilities {
            app_cleanup: true,
            database_heartbeat_graceful_stop: true,
            ..Default::default()
        }),
        self_check: Some(selfcheck::SelfCheckHello { version: 1, beat_seconds: 180 }),
    };
    is_written(&down(Down::Hello(hello)), "0a16 0a0131 120132 1a05 4001 a00101 82b107 05 0801 10b401");
    is_written(&down(Down::Ping(wire::DownstreamInventoryPing { id: 7 })), "1202 0807");
    let labels = wire::DownstreamInventoryUpdateLabels {
        kind: wire::LabelUpdateKind::SshServerCloudLabels.into(),
        labels: [("a".to_owned(), "b".to_owned())].into(),
    };
    is_written(&down(Down::UpdateLabels(labels)), "1a0a 0801 1206 0a0161 120162");
    let check = selfcheck::SelfCheckDown { acked: 5, resend: true };
    is_written(&down(Down::SelfCheck(check)), "82b107 04 0805 1001");
}

#[test]
fn resources_and_what_is_not_known_are_skipped() {
    // A heartbeat with an SSH server of five bytes, and one with a field and a kind of message that nobody knows.
    let ssh =
        wire::UpstreamInventoryOneOf::decode(bytes("1207 0a05 0a03 414243").as_slice()).expect("readable");
    assert_eq!(ssh, up(Up::Heartbeat(wire::InventoryHeartbeat::default())));
    let newer = wire::UpstreamInventoryOneOf::decode(bytes("7a03 0a0141").as_slice()).expect("readable");
    assert_eq!(newer, wire::UpstreamInventoryOneOf::default());
}

#[test]
fn a_report_comes_back_as_it_was() {
    let report = Report::from(&*status(MASKED, 1));
    let message = report.to_wire();
    let read = selfcheck::Report::decode(message.encode_to_vec().as_slice()).expect("readable");
    let back = Report::from_wire(&read).expect("valid");
    // Whole seconds travel.
    assert_eq!(back.to_wire(), message);
    assert_eq!((back.verdict, back.findings[0].code()), (report.verdict, "timer-masked"));
    assert_eq!(back.remedy, report.remedy);
}

#[test]
fn an_instance_and_a_filter() {
    let instance = types::InstanceV1 {
        header: Some(types::ResourceHeader {
            kind: "1".to_owned(),
            version: "3".to_owned(),
            metadata: Some(types::Metadata {
                name: "1".to_owned(),
                revision: "8".to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        }),
        spec: Some(types::InstanceSpecV1 {
            version: "1".to_owned(),
            services: vec!["2".to_owned()],
            hostname: "3".to_owned(),
            auth_id: "4".to_owned(),
            last_seen: Some(prost_types::Timestamp { seconds: 5, nanos: 0 }),
            external_upgrader: "7".to_owned(),
            external_upgrader_version: "8".to_owned(),
            updater_info: Some(types::UpdaterV2Info { updater_status: 1, ..Default::default() }),
            ..Default::default()
        }),
    };
    is_written(
        &instance,
        "0a0e 0a0131 1a0133 2206 0a0131 420138 121a 0a0131 120132 1a0133 220134 2a02 0805 3a0137 420138 5202 1801",
    );
    let filter = types::InstanceFilter {
        server_id: "1".to_owned(),
        version: "2".to_owned(),
        services: vec!["3".to_owned()],
        external_upgrader: "4".to_owned(),
        no_ext_upgrader: true,
        older_than_version: "6".to_owned(),
        newer_than_version: "7".to_owned(),
        update_group: "8".to_owned(),
    };
    is_written(&filter, "0a0131 120132 1a0133 220134 2801 320136 3a0137 420138");
}
