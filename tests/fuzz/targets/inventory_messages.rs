//! A message of an agent, of an auth server, or of this project's own service, as bytes of any kind.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prost::Message;
use selfcheck_protocol::Hello;
use selfcheck_protocol::Instance;
use selfcheck_protocol::Report;
use selfcheck_protocol::ServerFields;
use selfcheck_protocol::wire::proto::DownstreamInventoryOneOf;
use selfcheck_protocol::wire::proto::InventoryStatusSummary;
use selfcheck_protocol::wire::proto::UpstreamInventoryOneOf;
use selfcheck_protocol::wire::proto::upstream_inventory_one_of::Msg;
use selfcheck_protocol::wire::teleport::selfcheck::v1::ListAgentsResponse;
use selfcheck_protocol::wire::types::InstanceFilter;
use selfcheck_protocol::wire::types::InstanceV1;

fuzz_target!(|bytes: &[u8]| {
    let _ = DownstreamInventoryOneOf::decode(bytes);
    let _ = InventoryStatusSummary::decode(bytes);
    let _ = InstanceFilter::decode(bytes);
    if let Ok(instance) = InstanceV1::decode(bytes) {
        let mut server = ServerFields::of_version(Some("14.0.0"));
        server.learn_from(&instance);
        if let Some(instance) = Instance::from_wire(instance, &server) {
            let _ = instance.report();
            assert!(!instance.hostname.as_str().contains(char::is_control));
        }
    }
    let _ = ListAgentsResponse::decode(bytes);
    let Ok(message) = UpstreamInventoryOneOf::decode(bytes) else { return };
    assert_eq!(UpstreamInventoryOneOf::decode(message.encode_to_vec().as_slice()).as_ref(), Ok(&message));
    match message.msg {
        Some(Msg::Hello(hello)) => {
            let Ok(hello) = Hello::from_wire(&hello, |_| true) else { return };
            let _ = hello.claim().judge();
            let again = Hello::from_wire(&hello.to_wire(), |_| true).expect("what was taken is taken again");
            assert_eq!(again.updater, hello.updater);
            assert!(!again.hostname.as_str().contains(char::is_control));
        }
        Some(Msg::Heartbeat(heartbeat)) => {
            let report = heartbeat.self_check.and_then(|check| check.report);
            let Some(Ok(report)) = report.as_ref().map(Report::from_wire) else { return };
            let again = Report::from_wire(&report.to_wire()).expect("what was taken is taken again");
            assert_eq!(again, report);
        }
        _ => {}
    }
});
