//! Members that an operator removes from a group (LeaveGroup, KIP-345).

use kt_protocol::messages::leave_group_request::MemberIdentity;
use kt_protocol::messages::{LeaveGroupRequest, LeaveGroupResponse};
use kt_protocol::{ApiKey, ErrorCode};

use super::Admin;
use super::coordinator::subject;
use crate::connection::Wanted;
use crate::error::{Error, Subject};

/// A member, by either of its ids.
///
/// ```
/// # kt_doc_broker::with_orders(&["tea"], async |bootstrap| {
/// use kt_client::admin::MemberName;
/// use kt_client::{Admin, Client, ClientConfig};
///
/// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
/// # let consumer = kt_doc_broker::join("billing", admin.client()).await?;
/// let mut found = admin.describe_groups(&["billing".to_owned()]).await?;
/// let billing = found.remove("billing").expect("each group has an answer")?;
/// let members: Vec<MemberName> =
///     billing.members.into_iter().map(|it| MemberName::Member(it.member_id)).collect();
/// for removed in admin.remove_members("billing", &members, "it hangs").await? {
///     removed?;
/// }
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberName {
    /// By the id that the coordinator gave it.
    Member(String),
    /// A static member, by its own id.
    Instance(String),
}

/// From here on several members can be named, and static ones.
const FIRST_BATCHED: i16 = 3;

impl Admin {
    /// Removes members; the group shares their partitions out anew. A member that still runs joins
    /// again.
    ///
    /// Shown at [`MemberName`].
    ///
    /// # Errors
    ///
    /// Fails as a whole if the coordinator does not answer in time or refuses the group; each
    /// member has its own result, in the order of naming.
    pub async fn remove_members(
        &self,
        group: &str,
        members: &[MemberName],
        reason: &str,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        let identity = |it: &MemberName| match it {
            MemberName::Member(id) => MemberIdentity {
                member_id: id.clone(),
                group_instance_id: None,
                reason: Some(reason.to_owned()),
            },
            MemberName::Instance(id) => MemberIdentity {
                member_id: String::new(),
                group_instance_id: Some(id.clone()),
                reason: Some(reason.to_owned()),
            },
        };
        let build = |version: i16| {
            let mut members: Vec<MemberIdentity> = members.iter().map(identity).collect();
            if version < 5 {
                members.iter_mut().for_each(|it| it.reason = None);
            }
            LeaveGroupRequest { group_id: group.to_owned(), members, ..Default::default() }
        };
        let limit = self.client.limit("LeaveGroup");
        let wanted = Wanted::since::<LeaveGroupRequest>(FIRST_BATCHED);
        let codes = |it: &LeaveGroupResponse| vec![it.error_code];
        let response = self.ask_coordinator(group, wanted, limit, build, codes).await?;
        let (api, code) = (ApiKey::LeaveGroup, ErrorCode::from_code(response.error_code));
        if !code.is_none() {
            return Err(Error::broker(api, code, subject(group)));
        }
        let result = |(at, member): (usize, &MemberName)| {
            let subject = Subject::Other(match member {
                MemberName::Member(id) => format!("member \"{id}\""),
                MemberName::Instance(id) => format!("instance \"{id}\""),
            });
            match response.members.get(at).map(|it| ErrorCode::from_code(it.error_code)) {
                Some(ErrorCode::None) => Ok(()),
                Some(code) => Err(Error::broker(api, code, subject)),
                None => Err(Error::protocol(api, format!("the answer lacks {subject}"))),
            }
        };
        Ok(members.iter().enumerate().map(result).collect())
    }
}
