--! title = "Returned items bought again in the next year"
--! question = "Which items, rarely refunded in the catalog, were sold and returned in the same store in two years running, the second time not more often?"
--! param.COLOR.default = ["purple", "burlywood", "indian", "spring", "floral", "medium"]
--! param.COLOR.count = 6
--! param.COLOR.text = "colors"
--! param.PRICE = { default = 64, int = [0, 85] }
--! param.YEAR = { default = 1999, int = [1999, 2001] }
--! deviations = [
--!     "the second syear and the second cnt of the definition are called syear2 and cnt2, so that each column has its own name",
--!     "customer is joined before the two dates that belong to it",
--! ]

with catalog_items as (
    select
        cs_item_sk,
        sum(cs_ext_list_price) as sale,
        sum(cr_refunded_cash + cr_reversed_charge + cr_store_credit) as refund
    from catalog_sales
    join catalog_returns
        on cs_item_sk = cr_item_sk
        and cs_order_number = cr_order_number
    group by cs_item_sk
    having sum(cs_ext_list_price) > 2 * sum(cr_refunded_cash + cr_reversed_charge + cr_store_credit)
),
cross_sales as (
    select
        i_product_name as product_name,
        i_item_sk as item_sk,
        s_store_name as store_name,
        s_zip as store_zip,
        ad1.ca_street_number as b_street_number,
        ad1.ca_street_name as b_street_name,
        ad1.ca_city as b_city,
        ad1.ca_zip as b_zip,
        ad2.ca_street_number as c_street_number,
        ad2.ca_street_name as c_street_name,
        ad2.ca_city as c_city,
        ad2.ca_zip as c_zip,
        d1.d_year as syear,
        d2.d_year as fsyear,
        d3.d_year as s2year,
        count(*) as cnt,
        sum(ss_wholesale_cost) as s1,
        sum(ss_list_price) as s2,
        sum(ss_coupon_amt) as s3
    from store_sales
    join store_returns
        on ss_item_sk = sr_item_sk
        and ss_ticket_number = sr_ticket_number
    join catalog_items on ss_item_sk = catalog_items.cs_item_sk
    join date_dim as d1 on ss_sold_date_sk = d1.d_date_sk
    join customer on ss_customer_sk = c_customer_sk
    join date_dim as d2 on c_first_sales_date_sk = d2.d_date_sk
    join date_dim as d3 on c_first_shipto_date_sk = d3.d_date_sk
    join store on ss_store_sk = s_store_sk
    join customer_demographics as cd1 on ss_cdemo_sk = cd1.cd_demo_sk
    join customer_demographics as cd2 on c_current_cdemo_sk = cd2.cd_demo_sk
    join promotion on ss_promo_sk = p_promo_sk
    join household_demographics as hd1 on ss_hdemo_sk = hd1.hd_demo_sk
    join household_demographics as hd2 on c_current_hdemo_sk = hd2.hd_demo_sk
    join customer_address as ad1 on ss_addr_sk = ad1.ca_address_sk
    join customer_address as ad2 on c_current_addr_sk = ad2.ca_address_sk
    join income_band as ib1 on hd1.hd_income_band_sk = ib1.ib_income_band_sk
    join income_band as ib2 on hd2.hd_income_band_sk = ib2.ib_income_band_sk
    join item on ss_item_sk = i_item_sk
    where cd1.cd_marital_status <> cd2.cd_marital_status
        and i_color in ({COLOR})
        and i_current_price between {PRICE} and {PRICE} + 10
        and i_current_price between {PRICE} + 1 and {PRICE} + 15
    group by
        i_product_name,
        i_item_sk,
        s_store_name,
        s_zip,
        ad1.ca_street_number,
        ad1.ca_street_name,
        ad1.ca_city,
        ad1.ca_zip,
        ad2.ca_street_number,
        ad2.ca_street_name,
        ad2.ca_city,
        ad2.ca_zip,
        d1.d_year,
        d2.d_year,
        d3.d_year
)
select
    cs1.product_name,
    cs1.store_name,
    cs1.store_zip,
    cs1.b_street_number,
    cs1.b_street_name,
    cs1.b_city,
    cs1.b_zip,
    cs1.c_street_number,
    cs1.c_street_name,
    cs1.c_city,
    cs1.c_zip,
    cs1.syear,
    cs1.cnt,
    cs1.s1 as s11,
    cs1.s2 as s21,
    cs1.s3 as s31,
    cs2.s1 as s12,
    cs2.s2 as s22,
    cs2.s3 as s32,
    cs2.syear as syear2,
    cs2.cnt as cnt2
from cross_sales as cs1
join cross_sales as cs2
    on cs1.item_sk = cs2.item_sk
    and cs1.store_name = cs2.store_name
    and cs1.store_zip = cs2.store_zip
where cs1.syear = {YEAR}
    and cs2.syear = {YEAR} + 1
    and cs2.cnt <= cs1.cnt
order by
    cs1.product_name nulls first,
    cs1.store_name,
    cs2.cnt,
    cs1.s1 nulls first,
    cs2.s1 nulls first
