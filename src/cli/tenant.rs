use zava_mcp_server::database::{self, NewTenant, RemovedStore};
use zava_mcp_server::settings::AdminSettings;

use super::arguments::Tenant;
use super::output::print_line;

/// Adds, renames, removes or lists tenants.
pub(super) async fn run(settings: AdminSettings, tenant: Tenant) -> anyhow::Result<()> {
    let mut db = database::connect_as_owner(&settings).await?;
    match tenant {
        Tenant::Add {
            name,
            id,
            all_stores,
            online,
        } => {
            // Random, because with `ZAVA_AUTH=header` the id is all that a request presents.
            let random = || uuid::Builder::from_random_bytes(rand::random()).into_uuid();
            let new = if all_stores {
                NewTenant::AllStores
            } else {
                NewTenant::Store { is_online: online }
            };
            let id = id.unwrap_or_else(random);
            let tenant = database::add_tenant(&mut db, id, &name, new).await?;
            print_line(&format!("{}  {}", tenant.id, tenant.name))
        }
        Tenant::Rename { tenant, name } => {
            database::rename_tenant(&mut db, &tenant, &name).await?;
            print_line(
                "renamed; takes effect within a minute. App roles name a store by its name: rename the role `store.…` too",
            )
        }
        Tenant::Remove { tenant } => {
            let store = match database::remove_tenant(&mut db, &tenant).await? {
                RemovedStore::None => "",
                RemovedStore::Deleted => " and its store, which had no rows",
                RemovedStore::Kept => "; its store has rows and stays",
            };
            print_line(&format!(
                "removed the tenant, its grants{store}; takes effect within 15 seconds"
            ))
        }
        Tenant::List => {
            for tenant in database::list_tenants(&mut db).await? {
                let store = tenant
                    .store_id
                    .map_or("all stores".to_owned(), |id| format!("store {id}"));
                print_line(&format!("{}  {store:10}  {}", tenant.id, tenant.name))?;
            }
            Ok(())
        }
    }
}
