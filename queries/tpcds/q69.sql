--! title = "Demographics of customers who buy in stores only"
--! question = "How are the customers of three states who bought in a store, but neither on the web nor from the catalog, within three months distributed over the demographic groups?"
--! param.MONTH = { default = 4, int = [1, 4] }
--! param.STATE = { default = ["KY", "GA", "NM"], count = 3, text = "states" }
--! param.YEAR = { default = 2001, int = [1999, 2004] }

select
    cd_gender,
    cd_marital_status,
    cd_education_status,
    count(*) as cnt1,
    cd_purchase_estimate,
    count(*) as cnt2,
    cd_credit_rating,
    count(*) as cnt3
from customer
join customer_address on c_current_addr_sk = ca_address_sk
join customer_demographics on c_current_cdemo_sk = cd_demo_sk
where ca_state in ({STATE})
    and exists (
        select *
        from store_sales
        join date_dim on ss_sold_date_sk = d_date_sk
        where ss_customer_sk = c_customer_sk
            and d_year = {YEAR}
            and d_moy between {MONTH} and {MONTH} + 2
    )
    and not exists (
        select *
        from web_sales
        join date_dim on ws_sold_date_sk = d_date_sk
        where ws_bill_customer_sk = c_customer_sk
            and d_year = {YEAR}
            and d_moy between {MONTH} and {MONTH} + 2
    )
    -- the catalog is asked for the customer shipped to, not the one billed
    and not exists (
        select *
        from catalog_sales
        join date_dim on cs_sold_date_sk = d_date_sk
        where cs_ship_customer_sk = c_customer_sk
            and d_year = {YEAR}
            and d_moy between {MONTH} and {MONTH} + 2
    )
group by cd_gender, cd_marital_status, cd_education_status, cd_purchase_estimate, cd_credit_rating
order by
    cd_gender nulls first,
    cd_marital_status nulls first,
    cd_education_status nulls first,
    cd_purchase_estimate nulls first,
    cd_credit_rating nulls first
limit 100
