--! title = "Sales with a missing reference, by channel and category"
--! question = "How many sales, and of what amount, lack one of their references in each channel, per quarter and item category?"
--! param.NULLCOLCS.default = "cs_ship_addr_sk"
--! param.NULLCOLCS.sql = [
--!     "cs_bill_customer_sk", "cs_bill_hdemo_sk", "cs_bill_addr_sk", "cs_ship_customer_sk",
--!     "cs_ship_cdemo_sk", "cs_ship_hdemo_sk", "cs_ship_addr_sk", "cs_ship_mode_sk",
--!     "cs_warehouse_sk", "cs_promo_sk",
--! ]
--! param.NULLCOLSS.default = "ss_store_sk"
--! param.NULLCOLSS.sql = [
--!     "ss_customer_sk", "ss_cdemo_sk", "ss_hdemo_sk", "ss_addr_sk", "ss_store_sk", "ss_promo_sk",
--! ]
--! param.NULLCOLWS.default = "ws_ship_customer_sk"
--! param.NULLCOLWS.sql = [
--!     "ws_bill_customer_sk", "ws_bill_hdemo_sk", "ws_bill_addr_sk", "ws_ship_customer_sk",
--!     "ws_ship_cdemo_sk", "ws_ship_hdemo_sk", "ws_ship_addr_sk", "ws_web_page_sk",
--!     "ws_web_site_sk", "ws_ship_mode_sk", "ws_warehouse_sk", "ws_promo_sk",
--! ]

select
    channel,
    col_name,
    d_year,
    d_qoy,
    i_category,
    count(*) as sales_cnt,
    sum(ext_sales_price) as sales_amt
from (
    select
        'store' as channel,
        '{NULLCOLSS}' as col_name,
        d_year,
        d_qoy,
        i_category,
        ss_ext_sales_price as ext_sales_price
    from store_sales
    join item on ss_item_sk = i_item_sk
    join date_dim on ss_sold_date_sk = d_date_sk
    where {NULLCOLSS} is null
    union all
    select
        'web' as channel,
        '{NULLCOLWS}' as col_name,
        d_year,
        d_qoy,
        i_category,
        ws_ext_sales_price as ext_sales_price
    from web_sales
    join item on ws_item_sk = i_item_sk
    join date_dim on ws_sold_date_sk = d_date_sk
    where {NULLCOLWS} is null
    union all
    select
        'catalog' as channel,
        '{NULLCOLCS}' as col_name,
        d_year,
        d_qoy,
        i_category,
        cs_ext_sales_price as ext_sales_price
    from catalog_sales
    join item on cs_item_sk = i_item_sk
    join date_dim on cs_sold_date_sk = d_date_sk
    where {NULLCOLCS} is null
) as incomplete_sales
group by channel, col_name, d_year, d_qoy, i_category
order by channel, col_name, d_year nulls first, d_qoy nulls first, i_category nulls first
limit 100
