//! The generator: a table and a range of its source rows in, Arrow batches out.

use std::ops::RangeInclusive;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use tpcdsgen::config::Session;
use tpcdsgen::config::Table as SourceTable;

use crate::schema::Table;

/// Rows in a batch: the columns of a wide table's batch stay in a core's cache while they are
/// generated, hashed and encoded.
const BATCH_ROWS: usize = 4096;

macro_rules! readers {
    ($($table:ident => $reader:ident),* $(,)?) => {
        /// The schema of the batches that the generator gives.
        pub(crate) fn schema(table: SourceTable) -> SchemaRef {
            match table {
                $(SourceTable::$table => tpcdsgen_arrow::$reader::schema_ref(),)*
            }
        }

        /// Calls `consume` with each batch of the given source rows, counted from 1.
        ///
        /// A batch is lent, not given: once it is dropped the generator fills its buffers again.
        fn for_each_source_batch<E: From<ArrowError>>(
            table: SourceTable,
            session: Session,
            rows: RangeInclusive<u64>,
            mut consume: impl FnMut(RecordBatch) -> Result<(), E>,
        ) -> Result<(), E> {
            match table {
                $(SourceTable::$table => {
                    let reader = tpcdsgen_arrow::$reader::new(session)
                        .with_source_row_range(*rows.start(), *rows.end())
                        .with_batch_size(BATCH_ROWS);
                    for batch in reader {
                        consume(batch?)?;
                    }
                })*
            }
            Ok(())
        }
    };
}

readers! {
    CallCenter => CallCenterArrow,
    CatalogPage => CatalogPageArrow,
    CatalogReturns => CatalogReturnsArrow,
    CatalogSales => CatalogSalesArrow,
    Customer => CustomerArrow,
    CustomerAddress => CustomerAddressArrow,
    CustomerDemographics => CustomerDemographicsArrow,
    DateDim => DateDimArrow,
    DbgenVersion => DbgenVersionArrow,
    HouseholdDemographics => HouseholdDemographicsArrow,
    IncomeBand => IncomeBandArrow,
    Inventory => InventoryArrow,
    Item => ItemArrow,
    Promotion => PromotionArrow,
    Reason => ReasonArrow,
    ShipMode => ShipModeArrow,
    Store => StoreArrow,
    StoreReturns => StoreReturnsArrow,
    StoreSales => StoreSalesArrow,
    TimeDim => TimeDimArrow,
    Warehouse => WarehouseArrow,
    WebPage => WebPageArrow,
    WebReturns => WebReturnsArrow,
    WebSales => WebSalesArrow,
    WebSite => WebSiteArrow,
}

/// Calls `consume` with each batch of the given source rows, counted from 1, in the table's own
/// schema.
pub(crate) fn for_each_batch<E: From<ArrowError>>(
    table: &Table,
    session: Session,
    rows: RangeInclusive<u64>,
    mut consume: impl FnMut(&RecordBatch) -> Result<(), E>,
) -> Result<(), E> {
    let wanted = table.arrow_schema();
    let adapt = schema(table.source) != wanted;
    for_each_source_batch(table.source, session, rows, |batch| {
        if !adapt {
            return consume(&batch);
        }
        // Parquet has no time of day in seconds, which is what the generator gives.
        let columns = batch.columns().iter().zip(wanted.fields());
        let columns = columns.map(|(column, field)| cast(column, field.data_type()));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        consume(&RecordBatch::try_new(wanted.clone(), columns)?)
    })
}
