--! title = "Demographics of multi-channel customers in counties"
--! question = "How many residents of five counties who bought in a store and also on the web or in the catalog within four months are there in each demographic group?"
--! param.COUNTY.default = [
--!     "Rush County", "Toole County", "Jefferson County", "Dona Ana County", "La Porte County",
--! ]
--! param.COUNTY.count = 5
--! param.COUNTY.text = "counties"
--! param.MONTH = { default = 1, int = [1, 4] }
--! param.YEAR = { default = 2002, int = [1999, 2002] }
--! deviations = ["five counties are drawn: the template draws ten and uses the first five"]

select
    cd_gender,
    cd_marital_status,
    cd_education_status,
    count(*) as cnt1,
    cd_purchase_estimate,
    count(*) as cnt2,
    cd_credit_rating,
    count(*) as cnt3,
    cd_dep_count,
    count(*) as cnt4,
    cd_dep_employed_count,
    count(*) as cnt5,
    cd_dep_college_count,
    count(*) as cnt6
from customer
join customer_address on c_current_addr_sk = ca_address_sk
join customer_demographics on c_current_cdemo_sk = cd_demo_sk
where ca_county in ({COUNTY})
    and exists (
        select *
        from store_sales
        join date_dim on ss_sold_date_sk = d_date_sk
        where ss_customer_sk = c_customer_sk
            and d_year = {YEAR}
            and d_moy between {MONTH} and {MONTH} + 3
    )
    and (
        exists (
            select *
            from web_sales
            join date_dim on ws_sold_date_sk = d_date_sk
            where ws_bill_customer_sk = c_customer_sk
                and d_year = {YEAR}
                and d_moy between {MONTH} and {MONTH} + 3
        )
        or exists (
            select *
            from catalog_sales
            join date_dim on cs_sold_date_sk = d_date_sk
            -- the customer shipped to, where the web counts the one billed
            where cs_ship_customer_sk = c_customer_sk
                and d_year = {YEAR}
                and d_moy between {MONTH} and {MONTH} + 3
        )
    )
group by
    cd_gender,
    cd_marital_status,
    cd_education_status,
    cd_purchase_estimate,
    cd_credit_rating,
    cd_dep_count,
    cd_dep_employed_count,
    cd_dep_college_count
order by
    cd_gender nulls first,
    cd_marital_status nulls first,
    cd_education_status nulls first,
    cd_purchase_estimate nulls first,
    cd_credit_rating nulls first,
    cd_dep_count nulls first,
    cd_dep_employed_count nulls first,
    cd_dep_college_count nulls first
limit 100
