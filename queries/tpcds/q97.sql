--! title = "Customers' items bought in stores, by catalog, or both"
--! question = "How many pairs of a customer and an item were bought in stores only, by catalog only and in both in twelve months?"
--! param.DMS = { default = 1200, int = [1176, 1224] }

with store_pairs as (
    select
        ss_customer_sk as customer_sk,
        ss_item_sk as item_sk
    from store_sales
    join date_dim on ss_sold_date_sk = d_date_sk
    where d_month_seq between {DMS} and {DMS} + 11
    group by ss_customer_sk, ss_item_sk
),
catalog_pairs as (
    select
        cs_bill_customer_sk as customer_sk,
        cs_item_sk as item_sk
    from catalog_sales
    join date_dim on cs_sold_date_sk = d_date_sk
    where d_month_seq between {DMS} and {DMS} + 11
    group by cs_bill_customer_sk, cs_item_sk
)
-- a pair without a customer has no partner and is counted in none of the three
select
    sum(
        case
            when store_pairs.customer_sk is not null and catalog_pairs.customer_sk is null then 1
            else 0
        end
    ) as store_only,
    sum(
        case
            when store_pairs.customer_sk is null and catalog_pairs.customer_sk is not null then 1
            else 0
        end
    ) as catalog_only,
    sum(
        case
            when store_pairs.customer_sk is not null and catalog_pairs.customer_sk is not null then 1
            else 0
        end
    ) as store_and_catalog
from store_pairs
full join catalog_pairs
    on store_pairs.customer_sk = catalog_pairs.customer_sk
    and store_pairs.item_sk = catalog_pairs.item_sk
limit 100
